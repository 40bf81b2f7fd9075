"""What a sales pipeline is, without a word about where it is kept."""
