"""The forms and the queue, by what they hold."""
