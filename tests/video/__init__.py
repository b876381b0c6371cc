"""Tests of videos and pictures: their frames, their codec, and what is sent of them."""
