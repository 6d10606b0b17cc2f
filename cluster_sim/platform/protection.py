"""What each protection technology does to memory, as records (docs/model.md §5)."""

from dataclasses import dataclass
from typing import Literal

Content = Literal["kept", "zeroed", "lost"]
VmmExits = Literal["none", "one a call", "one a 2 MiB"]


@dataclass(frozen=True, slots=True)
class Protection:
    """One technology: a record of facts, each with its consequence in the model.

    `call_granules_max`: granules that one conversion call from the guest covers, 0 for any range.
    `vmm_exits`: whether a call needs no exit to the VMM, one, or one for every 2 MiB of its range.
    `accepts_pages`: the guest must touch and accept each page that became private again.
    `has_host_lock`: conversions of all guests of a host pass one lock.
    `sizes_pool_by_memory`: swiotlb takes 6 % of guest memory, else 64 MiB.
    `has_restricted_pool`: the swiotlb pool is a restricted one, with a single area.
    """

    name: str
    title: str
    has_private_memory: bool
    content_to_shared: Content
    content_to_private: Content
    keeps_guest_mapping: bool
    accepts_pages: bool
    call_granules_max: int
    vmm_exits: VmmExits
    has_host_lock: bool
    sizes_pool_by_memory: bool
    has_restricted_pool: bool
    source: str

    def vmm_chunk_bytes(self, granule_bytes: int) -> int:
        """Range that one exit to the VMM covers, 0 where the VMM is not asked."""
        match self.vmm_exits:
            case "none":
                return 0
            case "one a call":
                return self.call_granules_max * granule_bytes
            case "one a 2 MiB":
                return 2 << 20

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
            accepts_pages=False,
            call_granules_max=0,
            vmm_exits="none",
            has_host_lock=False,
            sizes_pool_by_memory=False,
            has_restricted_pool=False,
            source="a default VM has no memory attributes; all memory is shared for life",
        ),
        Protection(
            name="pkvm",
            title="pKVM",
            has_private_memory=True,
            content_to_shared="kept",
            content_to_private="kept",
            keeps_guest_mapping=True,
            accepts_pages=False,
            call_granules_max=1,
            vmm_exits="none",
            has_host_lock=True,
            sizes_pool_by_memory=False,
            has_restricted_pool=True,
            source=(
                "arch/arm64/kvm/hyp/nvhe/mem_protect.c: MEM_SHARE and MEM_UNSHARE change stage-2 entries in place, "
                "one call a granule, under the host component's lock"
            ),
        ),
        Protection(
            name="sev-snp",
            title="AMD SEV-SNP",
            has_private_memory=True,
            content_to_shared="lost",
            content_to_private="lost",
            keeps_guest_mapping=False,
            accepts_pages=True,
            call_granules_max=64,
            vmm_exits="one a call",
            has_host_lock=False,
            sizes_pool_by_memory=True,
            has_restricted_pool=False,
            source=(
                "arch/x86/coco/sev/core.c: 64 entries a page-state-change request; arch/x86/kvm/svm/sev.c joins a "
                "contiguous request into one exit to the VMM; other key, so content is lost; PVALIDATE a page"
            ),
        ),
        Protection(
            name="tdx",
            title="Intel TDX",
            has_private_memory=True,
            content_to_shared="zeroed",
            content_to_private="zeroed",
            keeps_guest_mapping=False,
            accepts_pages=True,
            call_granules_max=0,
            vmm_exits="one a 2 MiB",
            has_host_lock=False,
            sizes_pool_by_memory=True,
            has_restricted_pool=False,
            source=(
                "arch/x86/kvm/vmx/tdx.c: MapGPA takes any range, KVM cuts it into 2 MiB exits to the VMM; the host "
                "clears removed pages, TDG.MEM.PAGE.ACCEPT zeroes"
            ),
        ),
        Protection(
            name="cca",
            title="Arm CCA",
            has_private_memory=True,
            content_to_shared="lost",
            content_to_private="lost",
            keeps_guest_mapping=False,
            accepts_pages=False,
            call_granules_max=0,
            vmm_exits="none",
            has_host_lock=False,
            sizes_pool_by_memory=False,
            has_restricted_pool=False,
            source=(
                "RSI_IPA_STATE_SET takes a range; the host destroys and delegates granules one by one; "
                "the content of a granule is unknown after either"
            ),
        ),
    )
}
