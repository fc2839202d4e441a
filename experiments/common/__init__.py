"""What the rooms share: processes, their clock and options, images, and what results say of themselves."""
