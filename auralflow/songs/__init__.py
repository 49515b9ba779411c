"""Songs made by rule and chance, in the MUSDB layout: for the demo, the tests and first experiments.

This is not real music. Every sound is computed, nobody sings, and a model that does well on these songs has shown that
it can learn, not that it is good: only recordings can show that. What they share with real songs is what a separator
must cope with: five files for each track, stereo, a beat, keys and chords, sections in which instruments come and go,
stems that overlap in time and frequency, reverberation, and a voice (formants, vibrato, consonants, phrases) that is
of one kind in all songs while range, timbre, tune and company differ. The words are no words.

Sampled songs are the same music, played on the recorded instruments of a soundfont and sung on words that a speech
synthesiser says: see `sampler` and `sung`.
"""

from auralflow.songs.dataset import complete_songs, make_songs
from auralflow.songs.song import STEMS, make_song, require_sampler

__all__ = ["STEMS", "complete_songs", "make_song", "make_songs", "require_sampler"]
