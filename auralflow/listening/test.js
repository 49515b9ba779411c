'use strict';
// The test: an introduction, a page for each trial, and the results as JSON. All sounds of a page start at one sample of
// one clock and all but one are silent, so that a switch is a change of gains.
const about = JSON.parse(document.getElementById('about').textContent);
const WORDS = ['bad', 'poor', 'fair', 'good', 'excellent'];
const LETTERS = 'ABCDEFGHIJKL';
const FADE = 0.004;  // seconds, the time constant of a switch
const find = id => document.getElementById(id);

const shuffled = list => {
  const left = [...list], found = [];
  while (left.length) {
    const limit = Math.floor(2 ** 32 / left.length) * left.length;  // so that all places are equally likely
    let number;
    do [number] = crypto.getRandomValues(new Uint32Array(1)); while (number >= limit);
    found.push(...left.splice(number % left.length, 1));
  }
  return found;
};

// ---- the state, which a reload does not lose

const KEY = 'auralflow-listening-test-' + about.test;
const kept = () => {
  try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; }
};
const keep = value => {
  try {
    if (value) localStorage.setItem(KEY, JSON.stringify(value)); else localStorage.removeItem(KEY);
  } catch { /* a browser that keeps nothing for this page: the test works without */ }
};
// The trials in this listener's order, each with its stimuli in this page's order; ratings come to stand in them.
const begin = (listener, device) => ({
  listener, device, page: 0, started: new Date().toISOString(),
  session: [...crypto.getRandomValues(new Uint8Array(8))].map(byte => byte.toString(16).padStart(2, '0')).join(''),
  order: shuffled(about.trials.keys()).map(trial => ({
    trial, seconds: 0,
    stimuli: shuffled(about.trials[trial].stimuli.keys()).map(stimulus => ({stimulus, heard: false, rating: null})),
  })),
});
let state = null;

// ---- sound

let context, buffers = [], sources = [], gains = [], length = 1;
let current = 0, position = 0, began = null, frame = 0;  // `began`: when the start of the loop would have sounded

const bytes = uri => Uint8Array.from(atob(uri.slice(uri.indexOf(',') + 1)), letter => letter.charCodeAt(0)).buffer;
const decode = (trial, stimulus) => context.decodeAudioData(bytes(find('sound-' + trial + '-' + stimulus).textContent));
const from = () => find('from').value * length;
const to = () => find('to').value * length;
const loops = () => find('loop').checked;
const now = () => {
  if (began === null) return position;
  const played = Math.max(position, context.currentTime - began);
  if (!loops()) return Math.min(length, played);
  return played < to() ? played : from() + (played - from()) % (to() - from());
};
const stop = () => {
  position = now();
  cancelAnimationFrame(frame);
  sources.forEach(source => source.stop());
  [began, sources, gains] = [null, [], []];
};
const sound = () => {
  const start = context.currentTime + 0.03;
  if (loops() && (position < from() || position >= to())) position = from();
  for (const buffer of buffers) {
    const source = context.createBufferSource(), gain = context.createGain();
    Object.assign(source, {buffer, loop: loops(), loopStart: from(), loopEnd: to()});
    gain.gain.value = gains.length === current ? 1 : 0;
    source.connect(gain).connect(context.destination);
    source.start(start, position);
    sources.push(source);
    gains.push(gain.gain);
  }
  began = start - position;
  follow();
};
const again = change => {  // applies a change of the place or the loop, also while it plays
  const playing = began !== null;
  if (playing) stop();
  change();
  if (playing) sound(); else show();
};
const follow = () => {
  if (began === null) return;
  if (!loops() && now() >= length) {
    stop();
    position = 0;
  } else frame = requestAnimationFrame(follow);
  show();
};

// ---- a page of the test

const rows = () => state.order[state.page].stimuli;
const clock = seconds => seconds.toFixed(1) + ' s';
const show = () => {
  find('play').textContent = began === null ? 'Play' : 'Pause';
  find('seek').value = now() / length;
  find('seek').setAttribute('aria-valuetext', clock(now()));
  find('clock').textContent = clock(now()) + ' of ' + clock(length);
  for (const [id, value] of [['from', from()], ['to', to()]]) {
    find(id + '-text').textContent = clock(value);
    find(id).setAttribute('aria-valuetext', clock(value));
  }
};
// Hears the reference (0), or the sound of a row (1, 2, ...).
const hear = index => {
  current = index;
  gains.forEach((gain, other) => gain.setTargetAtTime(other === index ? 1 : 0, context.currentTime, FADE));
  if (index && began !== null) rows()[index - 1].heard = true;
  [find('reference'), ...document.querySelectorAll('#rows button')].forEach(
    (button, other) => button.setAttribute('aria-pressed', other === index));
};
const toggle = () => {
  if (began !== null) { stop(); show(); return; }
  context.resume();
  sound();
  hear(current);
};
const rate = (index, value) => {
  const word = WORDS[Math.min(4, Math.floor(value / 20))], row = find('rows').children[index];
  rows()[index].rating = value;
  row.classList.add('rated');
  row.querySelector('.rating').textContent = value + ', ' + word;
  row.querySelector('input').setAttribute('aria-valuetext', value + ', ' + word);
  keep(state);
};
const makeRow = index => {
  const row = document.createElement('li'), button = document.createElement('button');
  const track = document.createElement('div'), slider = document.createElement('input');
  const text = document.createElement('span'), letter = LETTERS[index];
  row.className = 'row';
  Object.assign(button, {type: 'button', className: 'sound', textContent: letter, onclick: () => hear(index + 1)});
  button.setAttribute('aria-label', 'Hear ' + letter);
  button.setAttribute('aria-keyshortcuts', letter);
  track.className = 'track';
  Object.assign(slider, {type: 'range', min: 0, max: 100, step: 1, value: 0});
  slider.setAttribute('aria-label', 'Rating of ' + letter);
  slider.setAttribute('aria-valuetext', 'not rated');
  Object.assign(text, {className: 'rating', textContent: 'not rated'});
  const rated = () => rate(index, Number(slider.value));
  slider.oninput = slider.onpointerup = rated;
  // A key that cannot move the slider any further is a rating too: 0, where it begins.
  slider.onkeyup = event => { if (/^(Arrow|Home|End|Page)/.test(event.key)) rated(); };
  track.append(slider);
  row.append(button, track, text);
  find('rows').append(row);
  const before = rows()[index].rating;  // of a test that goes on
  if (before !== null) { slider.value = before; rate(index, before); }
};

let opened = 0;
const openPage = async () => {
  const {trial} = state.order[state.page], {target} = about.trials[trial], last = state.page + 1 === about.trials.length;
  find('heading').textContent = 'Page ' + (state.page + 1) + ' of ' + about.trials.length;
  find('task').textContent = 'How close is each sound to the reference? This is: ' + target + '.';
  find('next').textContent = last ? 'Finish' : 'Next';
  find('missing').textContent = '';
  find('rows').replaceChildren();
  Object.assign(find('from'), {value: 0});
  Object.assign(find('to'), {value: 1});
  rows().forEach((_, index) => makeRow(index));
  for (const id of ['intro', 'trial', 'end']) find(id).hidden = id !== 'trial';
  [current, position, opened] = [0, 0, Date.now()];
  find('play').disabled = true;
  find('heading').focus();
  const reference = about.trials[trial].stimuli.findIndex(stimulus => stimulus.kind === 'reference');
  try {
    buffers = await Promise.all([reference, ...rows().map(row => row.stimulus)].map(place => decode(trial, place)));
  } catch (error) {
    find('missing').textContent = 'This browser cannot play the sounds (' + error.message + '); try another one.';
    return;
  }
  length = buffers[0].duration;
  find('play').disabled = false;
  hear(0);
  show();
};
const nextPage = () => {
  const names = test => rows().flatMap((row, index) => test(row) ? [LETTERS[index]] : []).join(', ');
  const unheard = names(row => !row.heard), unrated = names(row => row.rating === null);
  const missing = [unheard && 'not heard yet: ' + unheard, unrated && 'not rated yet: ' + unrated].filter(Boolean);
  find('missing').textContent = missing.join('; ');
  if (missing.length) return;
  stop();
  state.order[state.page].seconds = (Date.now() - opened) / 1000;
  state.page += 1;
  keep(state);
  if (state.page < about.trials.length) openPage(); else finish();
};

// ---- the results

const results = () => ({
  format: about.format, test: about.test, session: state.session, listener: state.listener, device: state.device,
  started: state.started, finished: state.finished,
  trials: state.order.map(({trial, seconds, stimuli}) => ({
    track: about.trials[trial].track, target: about.trials[trial].target, start: about.trials[trial].start, seconds,
    ratings: stimuli.map(({stimulus, rating}) => ({...about.trials[trial].stimuli[stimulus], rating})),
  })),
});
const finish = () => {
  state.finished ??= new Date().toISOString();
  keep(state);
  for (const id of ['intro', 'trial', 'end']) find(id).hidden = id !== 'end';
  find('heading').textContent = 'Finished';
  find('results').textContent = JSON.stringify(results(), null, 2);
  find('heading').focus();
};
const save = () => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([find('results').textContent + '\n'], {type: 'application/json'}));
  link.download = 'listening-' + (state.listener.replace(/[^\p{L}\p{N}]+/gu, '-') || 'test') + '-' + state.session + '.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  find('saved').textContent = 'Saved as ' + link.download + '.';
};

// ---- the introduction, and what buttons and keys do

const start = value => {
  state = value;
  keep(state);
  context ??= new AudioContext();
  context.resume();
  if (state.page < about.trials.length) openPage(); else finish();
};
find('pages').textContent = about.trials.length + (about.trials.length === 1 ? ' page' : ' pages');
find('seconds').textContent = about.seconds + ' seconds';
find('start').onsubmit = event => {
  event.preventDefault();
  start(begin(find('name').value.trim() || 'unnamed', find('device').value));
};
const earlier = kept();
if (earlier) {
  find('who').textContent = earlier.listener;
  find('resume').hidden = false;
  find('continue').onclick = () => start(earlier);
}
find('play').onclick = toggle;
find('reference').onclick = () => hear(0);
find('next').onclick = nextPage;
find('save').onclick = save;
find('seek').oninput = () => again(() => { position = Math.min(find('seek').value * length, length - 0.01); });
find('loop').oninput = () => again(() => {});
const SHORTEST = 0.05;  // of the sound, between the ends of the loop: each pushes the other
find('from').oninput = () => again(() => {
  find('to').value = Math.max(find('to').value, Number(find('from').value) + SHORTEST);
});
find('to').oninput = () => again(() => {
  find('from').value = Math.min(find('from').value, find('to').value - SHORTEST);
});
document.addEventListener('keydown', event => {
  const typing = event.target.matches('input:not([type=range], [type=checkbox]), select');
  if (find('trial').hidden || find('play').disabled || !find('letters').checked || typing) return;
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const key = event.key.toUpperCase(), index = LETTERS.indexOf(key);
  if (key === 'P') toggle();
  else if (key === 'R') hear(0);
  else if (key.length === 1 && index >= 0 && index < rows().length) hear(index + 1);
});
