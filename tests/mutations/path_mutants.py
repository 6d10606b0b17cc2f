"""Deliberate mistakes in the programs of steps: order, charges, counts, categories, locks, pins, ranges."""

from tests.mutations.mutant import Mutant

PATH_MUTANTS = (
    Mutant(
        "§3.3",
        "unsharing goes before the data is copied out",
        "io_paths/convert.py",
        "return (*found, *copy[:2], *unshare, handled(), copy[2], *used_copy)",
        "return (*unshare, *found, *copy[:2], handled(), copy[2], *used_copy)",
        "idle",
    ),
    Mutant(
        "§3.3",
        "a ranged call pays the prices of single pages",
        "io_paths/convert.py",
        'path.granule > PAGE_BYTES or path.calls == "ranged"',
        "path.granule > PAGE_BYTES",
        "idle",
    ),
    Mutant(
        "§3.2",
        "unmapping copies nothing out",
        "io_paths/swiotlb.py",
        '            guest_copy("unmap copies the bounce slots to the buffer"),\n',
        "",
        "idle",
    ),
    Mutant(
        "§3.2",
        "giving slots back is paid once, not for each mapping",
        "io_paths/swiotlb.py",
        'Charge("unmap_piece", Count.PIECES)',
        'Charge("unmap_piece", Count.ONCE)',
        "idle",
    ),
    Mutant(
        "§3.2",
        "the area lock is let go before the search has taken its time",
        "io_paths/swiotlb.py",
        "        spend(\n"
        '            "search slots",\n'
        "            Category.SLOTS,\n"
        "            Runner.GUEST,\n"
        '            Charge("map_piece", Count.PIECES),\n'
        '            Charge("probe", Count.PROBES),\n'
        "        ),\n"
        "        release(Resource.AREA_LOCK),\n",
        "        release(Resource.AREA_LOCK),\n"
        "        spend(\n"
        '            "search slots",\n'
        "            Category.SLOTS,\n"
        "            Runner.GUEST,\n"
        '            Charge("map_piece", Count.PIECES),\n'
        '            Charge("probe", Count.PROBES),\n'
        "        ),\n",
        "contention",
    ),
    Mutant(
        "§3.3",
        "exits to the VMM are paid by the call",
        "io_paths/conversion_steps.py",
        'Charge("vmm_exit", Count.CHUNKS)',
        'Charge("vmm_exit", Count.CALLS)',
        "idle",
    ),
    Mutant(
        "§3.3",
        "what becomes shared is accepted, and what becomes private is not",
        "io_paths/conversion_steps.py",
        "accept = accept_pages(context) if private else ()",
        "accept = () if private else accept_pages(context)",
        "idle",
    ),
    Mutant(
        "§3.3",
        "calls for conversion count as no exits",
        "io_paths/conversion_steps.py",
        '            Charge(f"{verb}_call", Count.CALLS),\n            exits=Count.CALLS,\n',
        '            Charge(f"{verb}_call", Count.CALLS),\n',
        "idle",
    ),
    Mutant(
        "§3.3",
        "a refused attempt costs no call",
        "io_paths/conversion_steps.py",
        '                Charge(f"{verb}_call"),\n',
        "",
        "engine",
    ),
    Mutant(
        "§3.1",
        "the worker is woken although it ran",
        "io_paths/step_sequences.py",
        'Charge("wake_worker", Count.WAKES)',
        'Charge("wake_worker", Count.ONCE)',
        "contention",
    ),
    Mutant(
        "§4.6",
        "the interrupt of a free buffer wakes nobody",
        "io_paths/step_sequences.py",
        '            Charge("wake_vcpu", Count.WAITED),\n',
        "",
        "contention",
    ),
    Mutant(
        "§3.1",
        "the IOMMU's queue is never let go",
        "io_paths/host_side.py",
        "        release(Resource.IOMMU),\n",
        "",
        "contention",
    ),
    Mutant(
        "§3.1",
        "the IOMMU's queue is not waited for",
        "io_paths/host_side.py",
        '        acquire(Resource.IOMMU, "wait for the IOMMU\'s invalidation queue", runner=Runner.HOST),\n'
        "        spend(\n"
        '            "unmap from the IOMMU and invalidate",\n'
        "            Category.PAGE_TABLE,\n"
        "            Runner.HOST,\n"
        '            Charge("iommu_unmap_call"),\n'
        '            Charge("iommu_unmap_page", Count.PINNED),\n'
        '            Charge("iommu_unmap_leaf_2m", Count.PINNED_2M),\n'
        "        ),\n"
        "        release(Resource.IOMMU),\n",
        "        spend(\n"
        '            "unmap from the IOMMU and invalidate",\n'
        "            Category.PAGE_TABLE,\n"
        "            Runner.HOST,\n"
        '            Charge("iommu_unmap_call"),\n'
        '            Charge("iommu_unmap_page", Count.PINNED),\n'
        '            Charge("iommu_unmap_leaf_2m", Count.PINNED_2M),\n'
        "        ),\n",
        "contention",
    ),
    Mutant(
        "§3.1",
        "a place in the engine's queue is never given back",
        "io_paths/host_side.py",
        "        release(Resource.ENGINE_QUEUE),\n",
        "",
        "contention",
    ),
    Mutant(
        "§3.1",
        "DMA gives back another pin than its own",
        "io_paths/host_side.py",
        'memory("unpin the buffer", Operation.UNPIN_SHORT)',
        'memory("unpin the buffer", Operation.UNPIN_LONG)',
        "idle",
    ),
    Mutant(
        "§4.5",
        "sending is booked as waiting",
        "io_paths/step_sequences.py",
        'move("the network card sends it", Mover.NIC, Category.NETWORK, Runner.NOBODY)',
        'move("the network card sends it", Mover.NIC, Category.QUEUE_WAIT, Runner.NOBODY)',
        "contention",
    ),
    Mutant(
        "§3.1",
        "unmapping in the IOMMU costs what mapping does",
        "io_paths/host_side.py",
        'Charge("iommu_unmap_page", Count.PINNED)',
        'Charge("iommu_map_page", Count.PINNED)',
        "idle",
    ),
    Mutant(
        "§3.4",
        "the snapshot stays in the pool",
        "io_paths/shared_pool.py",
        "            guest_wrote(Range.OWN),\n        )\n    return",
        "            guest_wrote(Range.DEVICE),\n        )\n    return",
        "idle",
    ),
    Mutant(
        "§2",
        "a block request maps its data and nothing else",
        "io_paths/drivers.py",
        "extra_mappings=3",
        "extra_mappings=0",
        "idle",
    ),
    Mutant(
        "§3.1",
        "a guest is interrupted for each packet that has gone",
        "io_paths/drivers.py",
        "interrupts_when_sent=False",
        "interrupts_when_sent=True",
        "idle",
    ),
)
