"""Members: who the customers are, what points they have, which tier they reached."""
