"""The layers, one file per family, under the names PyTorch gives these files."""
