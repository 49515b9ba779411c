"""Scripts that the tests of the studio's page run in it."""

HELPERS = """
const until = async (condition, milliseconds = 60000) => {
  const end = performance.now() + milliseconds;
  while (!condition()) {
    if (performance.now() > end) throw new Error('waited too long for ' + condition);
    await new Promise(done => setTimeout(done, 10));
  }
};
const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = selector => document.querySelector(selector);
const press = label => one(`button[aria-label="${label}"]`).click();
const set = (label, value) => {
  const input = one(`input[aria-label="${label}"]`);
  input.value = value;
  input.dispatchEvent(new Event(input.type === 'range' ? 'input' : 'change', {bubbles: true}));
};
const key = (key, more = {}) =>
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true, ...more}));
const open = async id => {
  localStorage.clear();
  location.hash = '#/song/' + id;
  await until(() => one('.player[data-ready]'));
};
const numbers = array => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
};
"""
# The sound is rendered into numbers: the page meets this context in place of one that plays.
OFFLINE = """
window.AudioContext = class extends OfflineAudioContext {
  constructor({sampleRate}) { super(2, SECONDS * sampleRate, sampleRate); window.rendered = this; }
  resume() { return Promise.resolve(); }
  close() { return Promise.resolve(); }
};
const render = async () => {
  await pause(200); // until the audio thread has heard all that was said
  const buffer = await rendered.startRendering();
  return [0, 1].map(channel => numbers(buffer.getChannelData(channel)));
};
const at = (seconds, action) => rendered.suspend(seconds).then(async () => {
  action();
  await pause(200);
  OfflineAudioContext.prototype.resume.call(rendered);
});
"""
