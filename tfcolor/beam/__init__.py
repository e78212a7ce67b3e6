"""Archives of pictures, on whatever runs Apache Beam; the only room that imports it."""
