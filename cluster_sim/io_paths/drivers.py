"""What each guest driver does with swiotlb, as Linux 6.12 and later have it: one record a driver and direction."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.steps import Direction
from cluster_sim.scenario.workload_spec import DriverName

WhenPoolFull = Literal["drop", "requeue", "refill later"]
Mapping = Literal["per transfer", "posted", "for life"]
ANY_SIZE: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What a guest's driver does beside moving the payload.

    `mapping`: whether a buffer is mapped for each transfer, when it is posted, or once for life and only synced.
    `extra_mappings`: further mappings of a request, of a few bytes each. `min_align_mask`: low address bits that its
    device needs preserved. `segment_bytes`: the largest mapping it makes, ANY_SIZE for what swiotlb takes.
    `entry_bytes`, `fixed_bytes`: coherent memory that it allocates for an entry of its ring, and once.
    `fewest_buffers`: with fewer mapped for life it does not start. `when_pool_full`: what becomes of a transfer that
    swiotlb has no slots for. `interrupts_when_sent`: an interrupt tells the guest that what it sent is gone.
    `may_block`: it maps where it may sleep.
    """

    mapping: Mapping
    when_pool_full: WhenPoolFull
    extra_mappings: int = 0
    min_align_mask: int = 0
    segment_bytes: int = ANY_SIZE
    entry_bytes: int = 0
    fixed_bytes: int = 0
    fewest_buffers: int = 1
    interrupts_when_sent: bool = True
    may_block: bool = False
    source: str


SPLIT_RING_BYTES: Final = 16 + 2 + 8
"""Of an entry: descriptor, available and used element (virtio 1.2 §2.7)."""

V4L2: Final = Driver(
    mapping="for life",
    when_pool_full="drop",
    fewest_buffers=3,
    source="vb2_dma_sg_alloc maps, prepare and finish sync: videobuf2-dma-sg.c; QBUF fails: kernel/dma/direct.c; "
    "REQBUFS fails below min_queued_buffers (2 of most) and one: videobuf2-core.c",
)
USB: Final = Driver(
    mapping="per transfer",
    when_pool_full="drop",
    segment_bytes=96 << 10,
    entry_bytes=16,
    source="usb_hcd_map_urb_for_dma maps each URB: usb/core/hcd.c; an URB of 32 packets of 3,072 bytes: uvc_video.c",
)
VIRTIO_BLK: Final = Driver(
    mapping="per transfer",
    when_pool_full="requeue",
    extra_mappings=3,
    entry_bytes=SPLIT_RING_BYTES,
    may_block=True,
    source="header, status and descriptor table beside the data, segments of virtio_max_dma_size, BLK_STS_RESOURCE: "
    "virtio_blk.c, virtio_ring.c, blk-mq.c",
)
NVME: Final = Driver(
    mapping="per transfer",
    when_pool_full="requeue",
    min_align_mask=4095,
    entry_bytes=64 + 16 + 256,
    may_block=True,
    source="dma_set_min_align_mask, PRP lists from a dma_pool, max_hw_sectors of dma_opt_mapping_size, "
    "BLK_STS_RESOURCE: nvme/host/pci.c",
)
VIRTIO_NET_IN: Final = Driver(
    mapping="for life",
    when_pool_full="refill later",
    entry_bytes=SPLIT_RING_BYTES,
    source="page frags are mapped ahead, and synced for what came: virtnet_rq_alloc, virtnet_rq_unmap; try_fill_recv "
    "goes on with what it has, refill_work: virtio_net.c",
)
VIRTIO_NET_OUT: Final = Driver(
    mapping="per transfer",
    when_pool_full="drop",
    entry_bytes=SPLIT_RING_BYTES,
    interrupts_when_sent=False,
    source="start_xmit drops; free_old_xmit cleans: virtio_net.c",
)
VIRTIO_VSOCK_IN: Final = Driver(
    mapping="posted",
    when_pool_full="refill later",
    entry_bytes=SPLIT_RING_BYTES,
    source="virtio_vsock_rx_fill maps each buffer as it posts it: vmw_vsock/virtio_transport.c",
)
VIRTIO_VSOCK_OUT: Final = Driver(
    mapping="per transfer",
    when_pool_full="requeue",
    extra_mappings=2,
    entry_bytes=SPLIT_RING_BYTES,
    source="header and descriptor table beside the data; virtio_vsock_skb_queue_head, then send_pkt_work again: "
    "vmw_vsock/virtio_transport.c",
)
NIC_IN: Final = replace(
    VIRTIO_NET_IN,
    entry_bytes=32,
    source="page_pool maps pages once and syncs for what came: net/core/page_pool.c, as in mlx5e, ice, bnxt",
)
NIC_OUT: Final = Driver(
    mapping="per transfer",
    when_pool_full="drop",
    entry_bytes=16,
    source="each fragment is mapped and unmapped, what finds no slots is dropped: ndo_start_xmit of mlx5e, ice, bnxt; "
    "a completion interrupt starts NAPI, which unmaps",
)
VIRTIO_FS_IN: Final = Driver(
    mapping="per transfer",
    when_pool_full="requeue",
    extra_mappings=4,
    segment_bytes=PAGE_BYTES,
    entry_bytes=SPLIT_RING_BYTES,
    source="beside the data header and arguments of the request, header of the answer and descriptor table; an entry a "
    "page (sg_init_fuse_pages); -ENOMEM queues it again (queued_reqs): fs/fuse/virtio_fs.c, virtio_ring.c",
)
VIRTIO_FS_OUT: Final = replace(
    VIRTIO_FS_IN,
    extra_mappings=5,
    source="as a read, and the arguments of the answer (fuse_write_out): virtio_fs.c, fs/fuse/file.c",
)

DRIVERS: Final[dict[DriverName, tuple[Driver, Driver]]] = {
    "v4l2": (V4L2, V4L2),
    "usb": (USB, USB),
    "virtio-blk": (VIRTIO_BLK, VIRTIO_BLK),
    "nvme": (NVME, NVME),
    "virtio-net": (VIRTIO_NET_IN, VIRTIO_NET_OUT),
    "virtio-vsock": (VIRTIO_VSOCK_IN, VIRTIO_VSOCK_OUT),
    "nic": (NIC_IN, NIC_OUT),
    "virtio-fs": (VIRTIO_FS_IN, VIRTIO_FS_OUT),
}
"""By name: of what comes from the device, and of what goes to it."""


def driver_of(name: DriverName, direction: Direction) -> Driver:
    """The driver of a queue's transfers in one direction."""
    return DRIVERS[name][direction]
