"""What the libraries declare about each other."""
