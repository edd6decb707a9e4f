"""What a mail says: choosing, ordering, rendering, and the message's bytes."""
