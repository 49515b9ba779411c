import * as api from "../api";
import { choice, h, icon, newId } from "../dom";
import { modelName } from "../format";

const FORMATS = [["wav", "wav, 32 bit float"], ["flac", "flac, 24 bit"], ["mp3", "mp3"], ["ogg", "ogg"]] as const;

/** The place where songs are dropped or chosen, with what is asked of them; `sent` is called with each song's job. */
export function dropZone(models: readonly string[], sent: (job: api.Job) => void): HTMLElement {
  const id = newId();
  const model = choice("Model", models.map((name) => [name, modelName(name)]));
  const format = choice("Stems as", FORMATS);
  const residual = h("input", { type: "checkbox" });
  const uploads = h("ul", { class: "uploads" });
  const take = (files: Iterable<File>): void => {
    const query = { model: model.select.value, format: format.select.value, residual: String(residual.checked) };
    for (const file of files) uploads.append(upload(file, query, sent));
  };
  const files = h("input", { type: "file", id, multiple: true, class: "unseen", onchange: () => {
    take([...(files.files ?? [])]);
    files.value = ""; // so that the same file can be chosen again
  } });
  const hint = h("p", { class: "hint" }, "Songs stay on this computer. Whatever is a recording will do: mp3, wav, flac, ogg, m4a and more.");
  const label = h("label", { class: "button primary", for: id }, icon("plus"), "Choose songs");
  const target = h("div", { class: "target" }, icon("song"), h("p", { class: "call" }, "Drop songs here"), files, label, hint);
  const options = h("div", { class: "options" }, model.field, format.field, h("label", { class: "check" }, residual, "the rest as one more stem"));
  const zone = h("section", { class: "drop", "aria-label": "New songs" }, target, options, uploads);
  acceptDrops(zone, take);
  return zone;
}

function acceptDrops(zone: HTMLElement, take: (files: Iterable<File>) => void): void {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.toggleAttribute("data-over", true);
  });
  zone.addEventListener("dragleave", () => zone.toggleAttribute("data-over", false));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.toggleAttribute("data-over", false);
    take(event.dataTransfer?.files ?? []);
  });
}

/** A song on its way to the server; it goes away when it has arrived, and stays with a sentence when it cannot. */
function upload(file: File, query: Record<string, string>, sent: (job: api.Job) => void): HTMLElement {
  const bar = h("progress", { max: 1, value: 0, "aria-label": `${file.name} is sent` });
  const item = h("li", {}, h("span", {}, file.name), bar);
  api.send(file, query, (share) => (bar.value = share)).then(
    (job) => {
      item.remove();
      sent(job);
    },
    (error: Error) => {
      const close = h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => item.remove() }, icon("cross"));
      item.replaceChildren(h("span", { role: "alert" }, `${file.name}: ${error.message}`), close);
    },
  );
  return item;
}
