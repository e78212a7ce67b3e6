"""Color for films: decoded, colored and encoded as a stream.

PyAV and OpenCV (pip install 'tfcolor[video]') are imported by the modules here, which
only films import.
"""
