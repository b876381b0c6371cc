"""The notebook layer: magics, clips and cards. The only layer that knows IPython, widgets and HTML."""
