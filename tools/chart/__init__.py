"""What the Helm chart needs from the rest of the project: helm itself, the files it ships, its pages, its examples."""
