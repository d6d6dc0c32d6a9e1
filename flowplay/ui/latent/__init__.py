"""The latent space of a model of the plane: sections of the page See inside."""
