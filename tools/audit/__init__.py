"""What must not be in the project: secrets, and licences that don't fit."""
