"""What members knows: pure values and rules, no SQL, no wire, no clock."""
