"""guest_memfd as a process meets it: system calls on files, memslots and mappings, with their replies."""
