"""One function per command or question, in one transaction; none of them commits."""
