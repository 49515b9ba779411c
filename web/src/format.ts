/** Seconds as minutes and seconds, with hours where there are any. */
export function clock(seconds: number, decimals = 0): string {
  const scale = 10 ** decimals;
  const whole = Math.floor(Math.max(0, seconds) * scale + 1e-6) / scale;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = (whole % 60).toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Bytes as people say them. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [count, 0];
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 99.5 ? value.toFixed(0) : value.toPrecision(2)} ${units[unit]}`;
}

/** A level in decibels, with its sign. */
export function decibels(value: number): string {
  if (value === -Infinity) return "−∞ dB";
  const text = Math.abs(value).toFixed(1);
  return `${text === "0.0" ? "" : value < 0 ? "−" : "+"}${text} dB`;
}

/** A place between left and right. */
export function place(pan: number): string {
  const percent = Math.round(Math.abs(pan) * 100);
  return percent === 0 ? "centre" : `${percent} % ${pan < 0 ? "left" : "right"}`;
}

/** The name of a file without its folder and its suffix. */
export function stemName(file: string): string {
  return file.replace(/\.[^.]*$/, "");
}

/** A model's name: that of its folder, where it is one. */
export function modelName(model: string): string {
  return model.split(/[\\/]/).filter(Boolean).at(-1) ?? model;
}

/** A factor in decibels. */
export function toDecibels(factor: number): number {
  return factor > 0 ? 20 * Math.log10(factor) : -Infinity;
}

/** Decibels as a factor. */
export function toFactor(value: number): number {
  return 10 ** (value / 20);
}
