"""The bundled models, their profiles and test set: data alone. How they were made is in training/."""
