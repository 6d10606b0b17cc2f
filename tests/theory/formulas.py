"""Queueing formulas, over loads and times in any one unit (Kleinrock 1975; Gross and Harris 1998)."""


def waits_at_all(servers: int, load: float) -> float:
    """Erlang's C formula: how likely an arrival at M/M/c finds all servers busy; `load` is each server's."""
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = servers * load * blocked / (busy + servers * load * blocked)
    return blocked / (1 - load * (1 - blocked))


def wait_at_mmc(servers: int, load: float, service: float) -> float:
    """Mean wait at M/M/c; at one server it is service * load / (1 - load)."""
    return waits_at_all(servers, load) * service / (servers * (1 - load))


def wait_at_mg1(load: float, service: float, squared: float) -> float:
    """Mean wait at M/G/1 (Pollaczek and Khinchine), from the mean of the service and of its square."""
    return load * squared / (2 * service * (1 - load))


def wait_at_md1(load: float, service: float) -> float:
    """Mean wait at M/D/1, half of that at M/M/1."""
    return wait_at_mg1(load, service, service**2)


def repair_shop(customers: int, servers: int, service: float, think: float) -> tuple[float, float]:
    """Throughput and mean response of a closed loop: exponential service, any think time (machine repair, M/M/c//N).

    `weights` are the unnormalised chances that so many are at the servers.
    """
    weights = [1.0]
    for present in range(1, customers + 1):
        weights.append(weights[-1] * (customers - present + 1) * service / (think * min(present, servers)))
    total = sum(weights)
    present_mean = sum(n * weight for n, weight in enumerate(weights)) / total
    throughput = sum(min(n, servers) * weight for n, weight in enumerate(weights)) / total / service
    return throughput, present_mean / throughput
