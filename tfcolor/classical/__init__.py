"""Color without training: from strokes (`levin`), from references (`charpiat`).

NumPy, SciPy and scikit-image; TensorFlow only where a picture is put together.
"""
