"""The embedded AWS: runs the Pulumi program against MiniStack on this machine."""
