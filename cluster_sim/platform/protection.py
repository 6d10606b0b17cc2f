"""What each protection technology does to memory, as records (docs/model.md §5)."""

from dataclasses import dataclass
from typing import Literal

Content = Literal["kept", "zeroed", "lost"]


@dataclass(frozen=True, slots=True)
class Protection:
    """One technology: a record of facts, each with its consequence in the model.

    `call_granules_max`: granules that one conversion call from the guest covers, 0 for any range.
    `chunk_bytes`: range that one exit to the VMM covers, 0 where the call is answered without the VMM.
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
    chunk_bytes: int
    has_host_lock: bool
    sizes_pool_by_memory: bool
    has_restricted_pool: bool
    source: str

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
            chunk_bytes=0,
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
            chunk_bytes=0,
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
            chunk_bytes=64 * (2 << 20),
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
            chunk_bytes=2 << 20,
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
            chunk_bytes=0,
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
