"""Deliberate mistakes in what things cost: formulas of a profile, and how prices are read from it."""

from tests.mutations.mutant import Mutant

PRICE_MUTANTS = (
    Mutant(
        "§6.4",
        "a doorbell of pKVM costs what one of SNP does",
        "platform/profiles/pkvm.toml",
        '[price.kick]\nformula = "exit.pkvm.guest_to_host_roundtrip"',
        '[price.kick]\nformula = "exit.snp.vmgexit_hypercall"',
        "idle",
    ),
    Mutant(
        "§6.5",
        "an exit to SNP's VMM has its call in it once more",
        "platform/profiles/sev-snp.toml",
        'formula = "snp.psc_single_4k_call - exit.snp.vmgexit_hypercall"',
        'formula = "snp.psc_single_4k_call"',
        "idle",
    ),
    Mutant(
        "§6.5",
        "SNP shares a leaf without flushing it",
        "platform/profiles/sev-snp.toml",
        'formula = "snp.pvalidate_2m + snp.rmpupdate_2m + 512 * cache.clflush_clean_4k"',
        'formula = "snp.pvalidate_2m + snp.rmpupdate_2m"',
        "prices",
    ),
    Mutant(
        "§6.6",
        "a refault of TDX pays SNP's exit and its own",
        "platform/profiles/tdx.toml",
        "[price.guest_fault_shared_page]\n"
        'formula = "snp.npt_refault_4k - exit.snp.vmgexit_hypercall + exit.tdx.tdvmcall_roundtrip"',
        '[price.guest_fault_shared_page]\nformula = "snp.npt_refault_4k + exit.tdx.tdvmcall_roundtrip"',
        "idle",
    ),
    Mutant(
        "§4.4",
        "copies that miss the cache use no bus",
        "platform/profiles/zen4.toml",
        'beyond = "copy.zen4_stream"\nbus = "mem.bus_bytes_per_copied_byte"',
        'beyond = "copy.zen4_stream"',
        "engine",
    ),
    Mutant(
        "§6.1",
        "a step of a price begins one vCPU late",
        "platform/profile.py",
        "if vcpus >= least:",
        "if vcpus > least:",
        "prices",
    ),
    Mutant(
        "§5",
        "a request of SNP holds 128 entries",
        "platform/protection.py",
        "call_granules_max=64,",
        "call_granules_max=128,",
        "idle",
    ),
    Mutant(
        "§6.6",
        "a leaf of a trust domain's is given back without write-back and clearing",
        "platform/profiles/tdx.toml",
        'formula = "tdx.reclaim_teardown_4k + 511 * (tdx.page_wbinvd_4k + tdx.clear_on_reclaim_4k)"',
        'formula = "tdx.reclaim_teardown_4k"',
        "boots",
    ),
    Mutant(
        "§6.5",
        "the states of a guest's vCPUs are measured by nobody",
        "platform/profiles/sev-snp.toml",
        '[price.boot_measure_vcpu]\nformula = "snp.rmpupdate_4k + snp.launch_update_4k"',
        '[price.boot_measure_vcpu]\nformula = "snp.rmpupdate_4k"',
        "boots",
    ),
    Mutant(
        "§6.6",
        "a trust domain's firmware takes what SNP's does",
        "platform/profiles/tdx.toml",
        'formula = "boot.firmware_ovmf_tdx"',
        'formula = "boot.firmware_ovmf_snp"',
        "boots",
    ),
)
