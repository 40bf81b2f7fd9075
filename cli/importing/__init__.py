"""`kehu import`: another system's sales history, out of a text file and through the gateway.

The file is read and judged row by row first, into a scratch database on disk; then members and orders are sent in
batches. So the memory does not grow with the file, lines of one order may stand anywhere in it, and nothing is sent
of a file that can't be read.
"""
