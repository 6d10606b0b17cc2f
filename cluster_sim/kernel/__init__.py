"""The real kernel: guest_memfd through /dev/kvm, as an oracle for the memory model."""
