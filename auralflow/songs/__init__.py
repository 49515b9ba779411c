"""Generated songs in the MUSDB layout, for the demo, the tests and first experiments.

This is not real music: rules and random numbers compose it, and every sound is computed. A model that does well on
these songs can learn; whether it is good, only recordings can show. The songs have the properties that a separator must
handle: five files for each track, stereo, a beat, keys and chords, sections in which instruments come and go, stems
that overlap in time and frequency, reverberation, and a voice with formants, vibrato, consonants and phrases. All songs
share one kind of voice, while its range and timbre, the tune and the band differ. The voice sings syllables, not words.

Sampled songs are the same music, played on the recorded instruments of a soundfont and sung on words of a speech
synthesizer: see `sampler` and `sung`.
"""

from auralflow.songs.dataset import complete_songs, make_songs
from auralflow.songs.song import STEMS, make_song, require_sampler

__all__ = ["STEMS", "complete_songs", "make_song", "make_songs", "require_sampler"]
