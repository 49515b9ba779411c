"""Instruments of a General MIDI soundfont, played by the program FluidSynth."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from auralflow.songs.drums import Hit
from auralflow.songs.score import Note
from auralflow_core.errors import InputError
from auralflow_core.optional import needs

PLACES = (
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/sounds/sf2/TimGM6mb.sf2",
    "/usr/share/sounds/sf2/default-GM.sf2",
    "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/usr/share/soundfonts/default.sf2",
)
TICKS = 480  # in half a second, a beat at MIDI's default tempo
DRUMS = 9  # the channel of General MIDI's percussion
KITS = (0, 8, 16, 24, 25, 32, 40)  # standard, room, power, electronic, TR-808, jazz, brush
KEYS = {  # piece of a kit -> keys of General MIDI's percussion that stand for it
    "kick": (35, 36),
    "snare": (38, 40, 39),
    "hat": (42, 44),
    "open": (46,),
    "ride": (51, 59),
    "crash": (49, 57),
    "high tom": (48, 50),
    "low tom": (41, 45),
    "shaker": (70, 82),
}
# Programs of General MIDI, counted from 0, by the style that they play (see score.accompaniment). Without choirs: the
# vocals are the only voices of a song.
PROGRAMS = {
    "bass": (32, 33, 34, 35, 36, 37, 38, 39),
    "pad": (16, 18, 19, 20, 21, 48, 49, 50, 51, 88, 89, 90, 92, 93, 94, 95),
    "chords": (0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 26, 27, 28, 29, 30, 61, 62),
    "strum": (24, 25, 26, 27, 28, 105, 106, 46),
    "arpeggio": (0, 4, 5, 8, 9, 10, 11, 12, 13, 24, 45, 46, 80, 81, 87, 107, 108),
    "solo": (22, 26, 29, 30, 40, 56, 59, 60, 64, 65, 66, 68, 71, 73, 75, 80, 81, 84, 87),
}


def check_package() -> None:
    """Raises a MissingPackage without the package mido."""
    with needs("mido"):
        import mido  # noqa: F401


def check_program() -> None:
    """Raises an InputError if the program FluidSynth is missing."""
    if shutil.which("fluidsynth") is None:
        raise InputError(
            "sampled songs need the program fluidsynth, which is not on the PATH; it comes with the "
            "system's packages, in Debian `apt-get install fluidsynth fluid-soundfont-gm`"
        )


def find_soundfont(soundfont: str | os.PathLike | None = None) -> Path:
    """Finds a soundfont.

    Args:
        soundfont: a file; default: the first one in the usual places.

    Raises:
        InputError: the file is missing, or is something else.
    """
    if soundfont is not None:
        path = Path(soundfont)
        if not path.is_file() or not _is_soundfont(path):
            raise InputError(f"{path}: is not a soundfont; a file in the format SF2 is expected")
        return path
    for place in map(Path, PLACES):
        if place.exists():
            return place
    raise InputError(
        "sampled songs need a General MIDI soundfont, and the usual places hold none; in Debian "
        "`apt-get install fluid-soundfont-gm` brings one, and --soundfont names any other"
    )


def _is_soundfont(path: Path) -> bool:
    """Whether the file begins like a RIFF file of the kind `sfbk`."""
    with path.open("rb") as file:
        return file.read(12)[8:] == b"sfbk"


def play_notes(
    rng: np.random.Generator, soundfont: Path, style: str, notes: Iterable[Note], samples: int, sample_rate: int
) -> np.ndarray:
    """Plays one part on a random instrument for its style.

    Args:
        rng: the random generator.
        soundfont: the file.
        style: one of `PROGRAMS`.
        notes: in any order; velocities in (0, 1].
        samples: length of the song.
        sample_rate: Hz.

    Returns:
        (2, samples) float32.
    """
    program = int(rng.choice(PROGRAMS[style]))
    events = [(note.start + abs(rng.normal(0, 0.004)), note.duration, int(note.pitch), note.velocity) for note in notes]
    return _render(soundfont, program, 0, events, bool(rng.random() < 0.5), samples, sample_rate)


def play_hits(
    rng: np.random.Generator, soundfont: Path, hits: Iterable[Hit], samples: int, sample_rate: int
) -> np.ndarray:
    """Plays a drum part on a random kit: (2, samples) float32."""
    keys = {piece: int(rng.choice(choice)) for piece, choice in KEYS.items()}
    kit = int(rng.choice(KITS))
    events = [(hit.start, 0.1, keys[hit.piece], hit.velocity) for hit in hits]
    return _render(soundfont, kit, DRUMS, events, bool(rng.random() < 0.3), samples, sample_rate)


def _render(
    soundfont: Path,
    program: int,
    channel: int,
    events: Iterable[tuple[float, float, int, float]],
    reverb: bool,
    samples: int,
    sample_rate: int,
) -> np.ndarray:
    """Plays events of start and duration in seconds, key, and velocity in (0, 1]."""
    with tempfile.TemporaryDirectory(prefix="auralflow-") as folder:
        score, sound = Path(folder) / "part.mid", Path(folder) / "part.wav"
        _write_midi(score, program, channel, events)
        command = ["fluidsynth", *"-n -i -q -g 0.5 -C 0 -T wav -O float".split(), "-R", str(int(reverb))]
        command += ["-r", str(sample_rate), "-F", str(sound), str(soundfont), str(score)]
        process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if process.returncode or not sound.exists():
            reason = (process.stderr.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
            raise InputError(f"{soundfont}: fluidsynth cannot play it ({reason})")
        audio, _ = soundfile.read(sound, samples, dtype="float32", always_2d=True)
    return np.pad(audio.T, ((0, 0), (0, samples - len(audio))))


def _write_midi(path: Path, program: int, channel: int, events: Iterable[tuple[float, float, int, float]]) -> None:
    import mido

    moments = []  # time in ticks, whether a note starts (ends come first), key, velocity
    for start, duration, key, velocity in events:
        begin = round(2 * TICKS * start)
        moments.append((begin, True, key, int(np.clip(round(127 * velocity**0.6), 1, 127))))
        moments.append((max(begin + 1, round(2 * TICKS * (start + duration))), False, key, 0))
    track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
    now = 0
    for time, starts, key, velocity in sorted(moments):
        track.append(
            mido.Message(
                "note_on" if starts else "note_off", channel=channel, note=key, velocity=velocity, time=time - now
            )
        )
        now = time
    mido.MidiFile(ticks_per_beat=TICKS, tracks=[track]).save(path)
