"""Main memories from NVMain's configuration files."""

import difflib
import math
import os
import pathlib
from typing import Any, NamedTuple

from memjax import _check
from memjax.memory._main._config import MemoryConfig, WritePausing
from memjax.memory._main._energy import AbstractEnergy, CommandEnergy, CurrentEnergy
from memjax.memory._main._timing import Timing, WritePulses

_TIMES = {
    "tCMD": "t_cmd", "tRCD": "t_rcd", "tRAS": "t_ras", "tRP": "t_rp", "tCAS": "t_cas", "tCWD": "t_cwd", "tAL": "t_al",
    "tBURST": "t_burst", "tCCD": "t_ccd", "tWTR": "t_wtr", "tWR": "t_wr", "tWP": "t_wp", "tRTP": "t_rtp",
    "tRTRS": "t_rtrs", "tOST": "t_ost", "tRRDR": "t_rrd", "tRAW": "t_raw", "tPPD": "t_ppd", "tRFC": "t_rfc",
    "tREFW": "t_refw",
}  # fmt: skip
_COUNTS = {
    "CHANNELS": ("channels", 2), "RANKS": ("ranks", 2), "BANKS": ("banks", 8), "ROWS": ("rows", 65536),
    "COLS": ("columns", 32), "RBSize": ("row_buffer", 32), "QueueSize": ("queue_size", 32), "RAW": ("window", 4),
    "RefreshRows": ("refresh_rows", 4), "BanksPerRefresh": ("refresh_banks", 8), "BusWidth": ("bus_width", 64),
    "DeviceWidth": ("device_width", 8), "StarvationThreshold": ("starvation", 4),
}  # fmt: skip
_CHOICES = {
    "MEM_CTL": (
        "policy", "", {
            "FCFS": "nvmain-fcfs",
            "FRFCFS": "nvmain-frfcfs",
            "FRFCFS-WQF": "nvmain-frfcfs-wqf",
            "FRFCFS_WQF": "nvmain-frfcfs-wqf",
        }
    ),
    "QueueModel": ("queues", "PerBank", {"PerBank": "bank", "PerRank": "rank", "PerSubArray": "subarray"}),
    "ScheduleScheme": ("turn", "1", {"1": "rank", "2": "bank"}),
    "ClosePage": ("page", "1", {"0": "open", "1": "relaxed", "2": "closed"}),
}  # fmt: skip
_FLAGS = {"UsePrecharge": ("precharge", True), "UseRefresh": ("refresh", True)}
_NANOJOULES = {
    "Erd": "activate", "Eopenrd": "read", "Ewr": "write", "Eref": "refresh", "Ereset": "reset", "Eset": "set",
    "Ewrpb": "unchanged", "Eactstdby": "active", "Eprestdby": "idle",
}  # fmt: skip
_MILLIAMPERES = {
    "EIDD0": "i_dd0", "EIDD2N": "i_dd2n", "EIDD3N": "i_dd3n", "EIDD4R": "i_dd4r", "EIDD4W": "i_dd4w",
    "EIDD5B": "i_dd5b",
}  # fmt: skip
_PULSES = {"nWP00": "n_00", "nWP01": "n_01", "nWP10": "n_10", "nWP11": "n_11", "WPMaxVariance": "limit"}
_OTHERS = {
    "CLK", "CPUFreq", "INTERCONNECT", "OffChipLatency", "AddressMappingScheme", "MATHeight", "ReadQueueSize",
    "WriteQueueSize", "HighWaterMark", "LowWaterMark", "DelayedRefreshThreshold", "EnergyModel", "Voltage",
    "UniformWrites", "MLCLevels", "ProgramMode", "WPVariance", "tWP0", "tWP1", "WriteAllBits", "WritePausing",
    "PauseThreshold", "PauseMode", "MaxCancellations",
}  # fmt: skip

# What NVMain reads and what changes nothing here: output, debugging, power-down (which it never enters), traces.
_IDLE = {
    "RATE", "StatsFile", "PeriodicStatsInterval", "TraceReader", "PrintGraphs", "PrintConfig", "PrintAllDevices",
    "PrintPreTrace", "EchoPreTrace", "PreTraceFile", "PreTraceWriter", "EnableDebug", "DebugClasses", "DebugLog",
    "DeadlockTimer", "CTL_DUMP", "IgnoreData", "UseLowPower", "PowerDownMode", "InitPD", "tPD", "tXP", "tXPDLL",
    "tXS", "tXSDLL", "tRDPDEN", "tWRPDEN", "tWRAPDEN", "tRDB", "tRRDW", "tFAW", "Epda", "Epdpf", "Epdps", "Eleak",
    "Eopen", "Eclosed", "EIDD1", "EIDD2P0", "EIDD2P1", "EIDD2NT", "EIDD3P", "EIDD6", "Rtt_nom", "Rtt_wr", "Rtt_cont",
    "VDDQ", "VSSQ", "RanksPerDIMM", "StaggerRefresh", "SALP", "MATWidth", "DeviceConfig", "PrefetchBufferSize",
    "EnduranceDist", "EnduranceDistMean", "EnduranceDistVariance", "FlipNWriteGranularity", "CoinMigratorProbability",
    "CoinMigratorPromotionChannel",
}  # fmt: skip

# What NVMain can do and this program does not: the only value that is read, and where to look instead.
_NEUTRAL = {
    "EnduranceModel": ("NullModel", "memjax.memory has wear on traces of its own"),
    "DataEncoder": ("default", "encode the trace by memjax.memory first"),
    "MemoryPrefetcher": ("none", "there are no prefetchers"),
    "Decoder": ("Default", "there is no migration of rows"),
    "AddHook": (None, "there are no hooks"),
    "WriteMode": ("WriteThrough", "writes pay their pulse at once"),
    "BankType": ("DDR3Bank", "banks have no caches"),
    "RankType": ("StandardRank", "there is one kind of rank"),
    "MM_CONFIG": (None, "give both memories to simulate_cached"),
    "IgnoreTraceCycle": ("false", "make a trace with cycle 0"),
}


class _Value(NamedTuple):
    text: str
    place: str


def read_config(path: str | os.PathLike, *, compatible: bool = False, **overrides: Any) -> MemoryConfig:
    """A main memory from a configuration file of NVMain: lines `KEY value`, comments after a semicolon.

    Keys that the file leaves out have NVMain's defaults. Times are cycles of the memory or have the suffix ns, us or
    ms and are rounded up to cycles.

    Args:
        path: of the file.
        compatible: read what NVMain reads: a value "=" (as of `Ewrpb = 0.0002`) is 0, and keys that it does not know
            (as `RBsize`) are ignored. Else both are errors.
        **overrides: values of keys in place of those of the file.

    Raises: ValueError, with the line and the key, for values that cannot be read, for unknown keys, and for what NVMain
        can do and this program does not (prefetchers, DRAM caches, hooks, migration, channels of different kinds);
        FileNotFoundError.
    """
    _check.flag("compatible", compatible)
    values = _read(_check.path("path", path))
    for key, value in overrides.items():
        values[key] = _Value(str(value).lower() if isinstance(value, bool) else str(value), f"override {key}")
    for key, value in list(values.items()):
        if value.text == "=":
            if not compatible:
                raise ValueError(
                    f"{value.place}: {key} must be written without '='; NVMain reads 0, as does compatible=True"
                )
            values[key] = _Value("0", value.place)
    _check_keys(values, compatible)
    return _Keys(values).config()


def _read(path: pathlib.Path) -> dict[str, _Value]:
    values = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split(";")[0].split()
        if words:
            values[words[0]] = _Value(words[1] if len(words) > 1 else "", f"{path}, line {number}")
    return values


def _check_keys(values: dict[str, _Value], compatible: bool) -> None:
    known = {*_TIMES, *_COUNTS, *_CHOICES, *_FLAGS, *_NANOJOULES, *_MILLIAMPERES, *_PULSES, *_OTHERS, *_IDLE, *_NEUTRAL}
    for key, (text, place) in values.items():
        if key.startswith("CONFIG_CHANNEL"):
            raise ValueError(f"{place}: {key} is not simulated: channels are of one kind; split the trace by channel")
        if key in _NEUTRAL and text != _NEUTRAL[key][0]:
            raise ValueError(f"{place}: {key} {text} is not simulated: {_NEUTRAL[key][1]}")
        if key not in known and not compatible:
            near = difflib.get_close_matches(key, known, 1, 0.7)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ValueError(f"{place}: unknown key {key}: {hint}NVMain ignores it, as does compatible=True")


class _Keys:
    """The values of a file, by kind."""

    def __init__(self, values: dict[str, _Value]):
        self.values = values
        self.clock = self.number("CLK", 666)

    def text(self, key: str, default: str) -> str:
        return self.values[key].text if key in self.values else default

    def number(self, key: str, default: float) -> float:
        if key not in self.values:
            return default
        text, place = self.values[key]
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{place}: {key} must be a number, got {text!r}") from None

    def whole(self, key: str, default: int) -> int:
        value = self.number(key, default)
        if value != math.floor(value):
            raise ValueError(f"{self.values[key].place}: {key} must be a whole number, got {self.values[key].text!r}")
        return int(value)

    def cycles(self, key: str, default: int) -> int:
        if key not in self.values:
            return default
        text, place = self.values[key]
        scale = {"ns": self.clock / 1e3, "us": self.clock, "ms": self.clock * 1e3}.get(text[-2:])
        try:
            value = math.ceil(float(text) if scale is None else float(text[:-2]) * scale)
        except ValueError:
            raise ValueError(f"{place}: {key} must be cycles or a time as 15ns, 1us or 64ms, got {text!r}") from None
        if value < 0:
            raise ValueError(f"{place}: {key} must be at least 0, got {text!r}")
        return value

    def truth(self, key: str, default: bool) -> bool:
        text = self.text(key, str(default).lower())
        if text not in ("true", "false"):
            raise ValueError(f"{self.values[key].place}: {key} must be true or false, got {text!r}")
        return text == "true"

    def option(self, key: str, default: str, meanings: dict[str, str]) -> str:
        text = self.text(key, default)
        if text not in meanings:
            place = self.values[key].place if key in self.values else "the file"
            raise ValueError(f"{place}: {key} must be one of {', '.join(meanings)}, got {text!r}")
        return meanings[text]

    def config(self) -> MemoryConfig:
        options: dict[str, Any] = {name: self.whole(key, default) for key, (name, default) in _COUNTS.items()}
        options |= {name: self.option(key, default, texts) for key, (name, default, texts) in _CHOICES.items()}
        options |= {name: self.truth(key, default) for key, (name, default) in _FLAGS.items()}
        queued = options["policy"] == "nvmain-frfcfs-wqf"
        if queued:
            options["queue_size"] = self.whole("ReadQueueSize", 32)
            options["write_queue_size"] = self.whole("WriteQueueSize", 8)
            most = options["write_queue_size"]
            options["high_mark"] = min(self.whole("HighWaterMark", 8), most)
            low = self.whole("LowWaterMark", 0)
            options["low_mark"] = low if low <= options["high_mark"] else 0
        bus = self.option("INTERCONNECT", "OffChipBus", {"OffChipBus": "off", "OnChipBus": "on"})
        return MemoryConfig(
            timing=Timing(**{name: self.cycles(key, int(getattr(Timing(), name))) for key, name in _TIMES.items()}),
            energy=self.energy(),
            pulses=self.pulses(),
            pausing=self.pausing(),
            mat_rows=self.whole("MATHeight", 0) if "MATHeight" in self.values else None,
            mapping=self.text("AddressMappingScheme", "R:SA:RK:BK:CH:C"),
            refresh_delay=max(self.whole("DelayedRefreshThreshold", 1) - 1, 0),
            link=self.whole("OffChipLatency", 10) if bus == "off" else 0,
            clock=self.clock * 1e6,
            cpu_clock=self.number("CPUFreq", 2000) * 1e6,
            **options,
        )

    def energy(self) -> AbstractEnergy:
        if self.option("EnergyModel", "current", {"current": "current", "energy": "energy"}) == "current":
            amperes = {n: self.number(k, 1e3 * getattr(CurrentEnergy(), n)) / 1e3 for k, n in _MILLIAMPERES.items()}
            return CurrentEnergy(voltage=self.number("Voltage", 1.5), **amperes)
        joules = {n: self.number(k, 1e9 * getattr(CommandEnergy(), n)) / 1e9 for k, n in _NANOJOULES.items()}
        if self.truth("WriteAllBits", True):
            joules["unchanged"] = 0.0
        elif "Ewrpb" not in self.values:
            joules["unchanged"] = CommandEnergy().write / 512
        return CommandEnergy(**joules)

    def pulses(self) -> WritePulses | None:
        if self.truth("UniformWrites", True):
            return None
        return WritePulses(
            bits=self.whole("MLCLevels", 1),
            t_reset=self.cycles("tWP0", 40),
            t_set=self.cycles("tWP1", 60),
            spread=self.number("WPVariance", 1),
            order=self.option("ProgramMode", "SRMS", {"SRMS": "srms", "SSMR": "ssmr"}),
            **{name: self.whole(key, int(getattr(WritePulses(), name))) for key, name in _PULSES.items()},
        )

    def iterations(self) -> int:
        """A mean of those of the four states; NVMain knows no boundaries in cells of one bit."""
        numbers = {"nWP00": 0, "nWP01": 7, "nWP10": 5, "nWP11": 1}
        total = sum(self.whole(key, default) for key, default in numbers.items())
        return max((total + 2) // 4, 1) if self.whole("MLCLevels", 1) > 1 else 1

    def pausing(self) -> WritePausing | None:
        if not self.truth("WritePausing", False):
            return None
        modes = {"Normal": "iteration", "IIWC": "restart", "Optimal": "exact"}
        return WritePausing(
            mode=self.option("PauseMode", "Normal", modes),
            threshold=self.number("PauseThreshold", 0.4),
            cancellations=self.whole("MaxCancellations", 4),
            iterations=self.iterations(),
        )
