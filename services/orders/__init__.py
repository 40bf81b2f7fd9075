"""Orders: what is for sale, how much of it there is, and what customers buy, pay and give back."""
