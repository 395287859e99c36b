"""The front door: the one server of the local stack that apps, phones and PowerSync reach."""
