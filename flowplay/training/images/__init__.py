"""What the page Images shows of a trained model of images, a file for each of its sections."""
