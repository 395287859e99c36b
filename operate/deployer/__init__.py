"""`make policy`: what an IAM role needs to deploy, update and destroy a stack."""
