"""What each protection technology does to memory, as records (docs/model.md §5).

Rules of the book that are fields here: content K-1, N-1, D-1, A-1, W-1, W-2; accepting N-2, D-2; leaves K-3, N-3, D-3,
A-2; the host kernel's own accesses K-2, N-4, D-4, A-3; the guest's D-5; exits N-5.
"""

from dataclasses import dataclass
from typing import Literal

Content = Literal["kept", "zeroed", "lost"]
Accept = Literal["none", "keeps", "zeroes"]
VmmExits = Literal["none", "one a call", "one a 2 MiB"]
Shootdowns = Literal["none", "one a call", "one a page"]
Victim = Literal["nobody", "process", "guest", "host"]


@dataclass(frozen=True, slots=True)
class Consequence:
    """What an access to private memory comes to: its outcome, who dies of it, and whether the data is spoilt."""

    outcome: str
    dies: Victim
    spoils: bool = False


REFUSED_BY_FILE = Consequence("SIGBUS", "process")
WORKS = Consequence("works", "nobody")


@dataclass(frozen=True, slots=True)
class Protection:
    """One technology: a record of facts, each with its consequence in the model.

    `accept`: whether the guest must accept each page that became private, and whether that zeroes it.
    `leaf_bytes_max`: the largest stage-2 leaf; `leaf_is_sticky`: once broken it returns only after its whole range was
    shared. `kernel_load` and `kernel_store`: what the host kernel's own access to a private page through its linear
    map comes to; `user_without_file` what a host process meets where no guest_memfd stands before the page.
    `lone_private_touch_kills`: the guest dies when it touches a shared page as a private one.
    `call_granules_max`: granules that one conversion call from the guest covers, 0 for any range; `call_bytes_max` is
    how far it reaches at most, however large they are, 0 for any.
    `vmm_exits`: whether a call needs no exit to the VMM, one, or one for every 2 MiB of its range.
    `has_range_calls`: the hypervisor's own call changes a range at a time, else page by page. `unshare_exits_to_unmap`:
    an unshare, which the hypervisor carries out, must first exit to the host that has the pages mapped.
    `flushes_to_private`: the guest drops its own translations when a page turns private, too. `interrupt_exits`: an
    interrupt takes a running vCPU out of the guest. `shootdowns`: how often a conversion interrupts the guest's other
    running vCPUs, so that they drop translations.
    `has_host_lock`: conversions of all guests of a host pass one lock.
    `sizes_pool_by_memory`: swiotlb takes 6 % of guest memory, else 64 MiB.
    `has_restricted_pool`: the swiotlb pool is a restricted one, with a single area.
    `has_launch_server`: one processor of the host measures images, start after start, and not the CPU that builds them.
    `accepts_in_parallel`: firmware has all vCPUs accept memory, where the first one alone could.
    """

    name: str
    title: str
    has_private_memory: bool
    content_to_shared: Content
    content_to_private: Content
    keeps_guest_mapping: bool
    accept: Accept
    leaf_bytes_max: int
    leaf_is_sticky: bool
    kernel_load: Consequence
    kernel_store: Consequence
    user_without_file: Consequence
    lone_private_touch_kills: bool
    call_granules_max: int
    call_bytes_max: int
    vmm_exits: VmmExits
    has_range_calls: bool
    unshare_exits_to_unmap: bool
    flushes_to_private: bool
    interrupt_exits: bool
    shootdowns: Shootdowns
    has_host_lock: bool
    sizes_pool_by_memory: bool
    has_restricted_pool: bool
    has_launch_server: bool
    accepts_in_parallel: bool
    source: str

    def vmm_chunk_bytes(self, call_bytes: int) -> int:
        """Range that one exit to the VMM covers where a call covers `call_bytes`, 0 where the VMM is not asked."""
        match self.vmm_exits:
            case "none":
                return 0
            case "one a call":
                return call_bytes
            case "one a 2 MiB":
                return min(2 << 20, call_bytes)

    @property
    def accepts_pages(self) -> bool:
        """Whether the guest must touch and accept each page that became private again."""
        return self.accept != "none"

    @property
    def keeps_content(self) -> bool:
        """Whether data written while shared is there after the page is private again."""
        return self.content_to_private == "kept"


PROTECTIONS: dict[str, Protection] = {
    record.name: record
    for record in (
        Protection(
            name="none",
            title="no protection",
            has_private_memory=False,
            content_to_shared="kept",
            content_to_private="kept",
            keeps_guest_mapping=True,
            accept="none",
            leaf_bytes_max=1 << 30,
            leaf_is_sticky=False,
            kernel_load=WORKS,
            kernel_store=WORKS,
            user_without_file=WORKS,
            lone_private_touch_kills=False,
            call_granules_max=0,
            call_bytes_max=0,
            vmm_exits="none",
            has_range_calls=True,
            unshare_exits_to_unmap=False,
            flushes_to_private=True,
            interrupt_exits=True,
            shootdowns="none",
            has_host_lock=False,
            sizes_pool_by_memory=False,
            has_restricted_pool=False,
            has_launch_server=False,
            accepts_in_parallel=False,
            source="a default VM has no memory attributes; all memory is shared for life",
        ),
        Protection(
            name="pkvm",
            title="pKVM",
            has_private_memory=True,
            content_to_shared="kept",
            content_to_private="kept",
            keeps_guest_mapping=True,
            accept="none",
            leaf_bytes_max=2 << 20,
            leaf_is_sticky=True,
            kernel_load=Consequence("oops", "host"),
            kernel_store=Consequence("oops", "host"),
            user_without_file=Consequence("SIGSEGV", "process"),
            lone_private_touch_kills=False,
            call_granules_max=1,
            call_bytes_max=0,
            vmm_exits="none",
            has_range_calls=True,
            unshare_exits_to_unmap=True,
            flushes_to_private=True,
            interrupt_exits=True,
            shootdowns="none",
            has_host_lock=True,
            sizes_pool_by_memory=False,
            has_restricted_pool=True,
            has_launch_server=False,
            accepts_in_parallel=False,
            source=(
                "arch/arm64/kvm/hyp/nvhe/mem_protect.c: MEM_SHARE and MEM_UNSHARE change stage-2 entries in place, "
                "one call a granule, under the host component's lock; upstream a call is of 4 KiB, Android's kernels "
                "take a range (nr_pages); with guest_memfd the host must unmap before an unshare is answered"
            ),
        ),
        Protection(
            name="sev-snp",
            title="AMD SEV-SNP",
            has_private_memory=True,
            content_to_shared="lost",
            content_to_private="lost",
            keeps_guest_mapping=False,
            accept="keeps",
            leaf_bytes_max=2 << 20,
            leaf_is_sticky=True,
            kernel_load=Consequence("ciphertext", "nobody"),
            kernel_store=Consequence("oops", "host"),
            user_without_file=Consequence("SIGBUS", "process"),
            lone_private_touch_kills=False,
            call_granules_max=64,
            call_bytes_max=64 * (2 << 20),
            vmm_exits="one a call",
            has_range_calls=True,
            unshare_exits_to_unmap=False,
            flushes_to_private=True,
            interrupt_exits=True,
            shootdowns="one a call",
            has_host_lock=False,
            sizes_pool_by_memory=True,
            has_restricted_pool=False,
            has_launch_server=True,
            accepts_in_parallel=False,
            source=(
                "arch/x86/coco/sev/core.c: 64 entries a page-state-change request, of 4 KiB or 2 MiB each; "
                "arch/x86/kvm/svm/sev.c joins a "
                "contiguous request into one exit to the VMM; other key, so content is lost; PVALIDATE a page; "
                "drivers/crypto/ccp/sev-dev.c: one command to the security processor at a time"
            ),
        ),
        Protection(
            name="tdx",
            title="Intel TDX",
            has_private_memory=True,
            content_to_shared="zeroed",
            content_to_private="zeroed",
            keeps_guest_mapping=False,
            accept="zeroes",
            leaf_bytes_max=2 << 20,
            leaf_is_sticky=True,
            kernel_load=Consequence("poison", "nobody"),
            kernel_store=Consequence("poison", "nobody", spoils=True),
            user_without_file=Consequence("SIGBUS", "process"),
            lone_private_touch_kills=True,
            call_granules_max=0,
            call_bytes_max=0,
            vmm_exits="one a 2 MiB",
            has_range_calls=True,
            unshare_exits_to_unmap=False,
            flushes_to_private=False,
            interrupt_exits=False,
            shootdowns="one a page",
            has_host_lock=False,
            sizes_pool_by_memory=True,
            has_restricted_pool=False,
            has_launch_server=False,
            accepts_in_parallel=True,
            source=(
                "arch/x86/kvm/vmx/tdx.c: MapGPA takes any range, KVM cuts it into 2 MiB exits to the VMM; the host "
                "clears removed pages, TDG.MEM.PAGE.ACCEPT zeroes; edk2 451521ccbc: BSP and APs accept together"
            ),
        ),
        Protection(
            name="cca",
            title="Arm CCA",
            has_private_memory=True,
            content_to_shared="lost",
            content_to_private="lost",
            keeps_guest_mapping=False,
            accept="none",
            leaf_bytes_max=4096,
            leaf_is_sticky=False,
            kernel_load=Consequence("GPF", "host"),
            kernel_store=Consequence("GPF", "host"),
            user_without_file=Consequence("SIGBUS", "process"),
            lone_private_touch_kills=False,
            call_granules_max=0,
            call_bytes_max=0,
            vmm_exits="none",
            has_range_calls=False,
            unshare_exits_to_unmap=False,
            flushes_to_private=True,
            interrupt_exits=True,
            shootdowns="none",
            has_host_lock=False,
            sizes_pool_by_memory=False,
            has_restricted_pool=False,
            has_launch_server=False,
            accepts_in_parallel=False,
            source=(
                "RSI_IPA_STATE_SET takes a range; the host destroys and delegates granules one by one; "
                "the content of a granule is unknown after either"
            ),
        ),
    )
}
