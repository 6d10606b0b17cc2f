"""What each guest driver does with swiotlb, as in Linux 6.13 to 6.18: one record a driver and direction."""

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
    `maps_anew`: what is mapped ahead is used once, so that for each buffer as much memory is mapped, and copied, anew.
    `extra_mappings`: further mappings of a transfer above `lone_bytes`, of a few bytes each. `min_align_mask`: low
    address bits that its device needs preserved. `segment_bytes`: the largest mapping it makes, ANY_SIZE for what
    swiotlb takes. `buffer_bytes`: the least buffer that it posts. `fewest_buffers`: with fewer mapped for life it does
    not start. `when_pool_full`: what becomes of a transfer that swiotlb has no slots for. `interrupts_when_sent`: an
    interrupt tells the guest that what it sent is gone. `may_be_held_back`: its requests
    wait outside it, so that a throttle for swiotlb can make them.

    Coherent memory: `entry_bytes` for each entry of its ring, which has `ring_entries` at least, `fixed_bytes` once,
    and for each transfer in flight one of `lists`, by the largest transfer that it does for.
    """

    mapping: Mapping
    maps_anew: bool = False
    when_pool_full: WhenPoolFull
    extra_mappings: int = 0
    lone_bytes: int = 0
    min_align_mask: int = 0
    segment_bytes: int = ANY_SIZE
    buffer_bytes: int = 0
    entry_bytes: int = 0
    ring_entries: int = 0
    fixed_bytes: int = 0
    lists: tuple[tuple[int, int], ...] = ()
    fewest_buffers: int = 1
    interrupts_when_sent: bool = True
    may_be_held_back: bool = False
    source: str

    def coherent_bytes(self, buffers: int, transfer_bytes: int) -> int:
        """What it allocates of coherent memory for a ring and for so many transfers in flight."""
        a_list = next((size for largest, size in self.lists if transfer_bytes <= largest), 0)
        return self.entry_bytes * max(buffers, self.ring_entries) + self.fixed_bytes + a_list * buffers


SPLIT_RING_BYTES: Final = 16 + 2 + 8
"""Of an entry: descriptor, available and used element (virtio 1.2 §2.7)."""
VIRTIO_ENTRIES: Final = 256
"""Of a ring, by default of QEMU (hw/block/virtio-blk.c, hw/net/virtio-net.c: queue-size, rx_queue_size)."""
VSOCK_ENTRIES: Final = 128
"""Of a ring: VHOST_VSOCK_QUEUE_SIZE, hw/virtio/vhost-vsock-common.c."""
FS_ENTRIES: Final = 128
"""Of a ring: queue-size of hw/virtio/vhost-user-fs.c."""
FRAG_BYTES: Final = 32 << 10
"""Of a page frag, in which a socket's data lies: SKB_FRAG_PAGE_ORDER, net/core/sock.c."""
FRAME_BYTES: Final = 1_514
"""Of an Ethernet frame: ETH_FRAME_LEN."""

V4L2: Final = Driver(
    mapping="for life",
    when_pool_full="drop",
    fewest_buffers=3,
    source="media/common/videobuf2, Linux 6.12: vb2_dma_sg_alloc maps blocks of the page allocator, the largest first, "
    "each as one (videobuf2-dma-sg.c); vb2_dc_map_dmabuf refuses what is not one (videobuf2-dma-contig.c); prepare and "
    "finish sync; vb2_core_reqbufs fails below min_reqbufs_allocation, which vb2_core_queue_init makes "
    "min_queued_buffers (2 of most that set one) and one (videobuf2-core.c)",
)
USB: Final = Driver(
    mapping="per transfer",
    when_pool_full="drop",
    segment_bytes=16 << 10,
    fixed_bytes=8 << 12,
    source="drivers/usb, Linux 6.12: usb_hcd_map_urb_for_dma maps each URB, -EAGAIN without slots (core/hcd.c), what "
    "usbfs submits in pieces of USB_SG_SIZE (core/devio.c; google-coral/edgetpu issue 443); host/xhci-mem.c: a page "
    "each of context array, command ring, event ring and its table, two of contexts, two of an endpoint's ring",
)
VIRTIO_BLK: Final = Driver(
    mapping="per transfer",
    when_pool_full="requeue",
    extra_mappings=3,
    entry_bytes=SPLIT_RING_BYTES,
    ring_entries=VIRTIO_ENTRIES,
    may_be_held_back=True,
    source="Linux 6.12: header, data and status (virtblk_add_req, virtio_blk.c), the table of indirect descriptors "
    "(virtqueue_add_split, virtio_ring.c), under the queue's spinlock, before which a throttle would have to stand; "
    "virtblk_fail_to_queue: BLK_STS_RESOURCE; segments of virtio_max_dma_size",
)
NVME: Final = Driver(
    mapping="per transfer",
    when_pool_full="requeue",
    min_align_mask=4095,
    entry_bytes=64 + 16,
    ring_entries=1_024,
    fixed_bytes=2 << 12,
    lists=((2 << 12, 0), (33 << 12, 256), (252 << 10, 4 << 10)),
    may_be_held_back=True,
    source="nvme/host/pci.c, Linux 6.12: dma_set_min_align_mask, max_hw_sectors of dma_opt_mapping_size; "
    "io_queue_depth, nvme_alloc_queue, an admin queue of two pages; nvme_setup_prp_simple up to two pages, then lists "
    "of dma_pools, 256 bytes up to 32 entries; nvme_map_data: BLK_STS_RESOURCE; Kelley's RFC of throttling lets it "
    "block",
)
VIRTIO_NET_IN: Final = Driver(
    mapping="for life",
    maps_anew=True,
    when_pool_full="refill later",
    buffer_bytes=1_536,
    entry_bytes=SPLIT_RING_BYTES,
    ring_entries=VIRTIO_ENTRIES,
    source="virtio_net.c, Linux 6.13 (commit 47008bb51c3e): virtnet_rq_alloc maps a page frag of 32 KiB, out of which "
    "come buffers of get_mergeable_buf_len, virtnet_rq_unmap syncs what came and unmaps with the last of them; "
    "swiotlb_tbl_map_single copies what is mapped; try_fill_recv goes on with what it has, refill_work",
)
VIRTIO_NET_OUT: Final = Driver(
    mapping="per transfer",
    when_pool_full="drop",
    extra_mappings=2,
    lone_bytes=FRAME_BYTES,
    segment_bytes=FRAG_BYTES,
    entry_bytes=SPLIT_RING_BYTES,
    ring_entries=VIRTIO_ENTRIES,
    interrupts_when_sent=False,
    source="virtio_net.c, Linux 6.12: xmit_skb puts its header before the packet's, skb_to_sgvec maps head and page "
    "frags, virtqueue_add_split the table of indirect descriptors if there are several; start_xmit drops; "
    "free_old_xmit cleans",
)
VIRTIO_VSOCK_IN: Final = Driver(
    mapping="posted",
    when_pool_full="refill later",
    buffer_bytes=3_776,
    entry_bytes=SPLIT_RING_BYTES,
    ring_entries=VSOCK_ENTRIES,
    source="vmw_vsock/virtio_transport.c, Linux 6.12: virtio_vsock_rx_fill maps each buffer as it posts it, of "
    "VIRTIO_VSOCK_DEFAULT_RX_BUF_SIZE: a page less skb_shared_info",
)
VIRTIO_VSOCK_OUT: Final = Driver(
    mapping="per transfer",
    when_pool_full="requeue",
    extra_mappings=2,
    entry_bytes=SPLIT_RING_BYTES,
    ring_entries=VSOCK_ENTRIES,
    source="vmw_vsock/virtio_transport.c, Linux 6.12: header and data (virtio_transport_send_skb), the table of "
    "indirect descriptors (virtqueue_add_split); virtio_vsock_skb_queue_head, then send_pkt_work again",
)
NIC_IN: Final = Driver(
    mapping="for life",
    when_pool_full="refill later",
    entry_bytes=32,
    source="net/core/page_pool.c, Linux 6.12, as in mlx5e, ice, bnxt: page_pool_dma_map maps a page once, what comes "
    "is synced, and the page goes back to its pool (skb_mark_for_recycle)",
)
NIC_OUT: Final = replace(
    VIRTIO_NET_OUT,
    extra_mappings=1,
    entry_bytes=16,
    ring_entries=0,
    interrupts_when_sent=True,
    source="ndo_start_xmit of ice, bnxt and ixgbe, Linux 6.12: head and each page frag are mapped and unmapped, what "
    "finds no slots is dropped; mlx5e copies the head of large packets into its descriptor; a completion interrupt "
    "starts NAPI, which unmaps",
)
VIRTIO_FS_IN: Final = Driver(
    mapping="per transfer",
    when_pool_full="requeue",
    extra_mappings=4,
    segment_bytes=PAGE_BYTES,
    entry_bytes=SPLIT_RING_BYTES,
    ring_entries=FS_ENTRIES,
    source="fs/fuse/virtio_fs.c, Linux 6.12: virtio_fs_enqueue_req maps header and arguments of the request, header of "
    "the answer, an entry a page of the data (sg_init_fuse_pages) and the table of indirect descriptors; -ENOMEM "
    "queues it again (queued_reqs)",
)
VIRTIO_FS_OUT: Final = replace(
    VIRTIO_FS_IN,
    extra_mappings=5,
    source="fs/fuse/virtio_fs.c, Linux 6.12: as a read, and the arguments of the answer (fuse_write_out)",
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
