import * as api from "../api";
import { h, icon } from "../dom";
import { bytes, clock, modelName } from "../format";
import { forget } from "../player/memory";

const OPEN: readonly api.State[] = ["queued", "running"];

/** A song in the list. */
export class SongRow {
  readonly element = h("li", { class: "song" });
  private readonly facts = h("p", { class: "facts" });
  private readonly words = h("p", { class: "words" });
  private readonly bar = h("progress", { max: 1 });
  private readonly actions = h("div", { class: "actions" });
  private readonly title = h("h3");
  private size = 0;

  /** @param gone called when the song was deleted */
  constructor(
    public job: api.Job,
    private readonly gone: () => void,
  ) {
    const text = h("div", { class: "text" }, this.title, this.facts, this.words, this.bar);
    this.element.append(text, this.actions);
    this.bar.setAttribute("aria-label", `${job.name} is separated`);
    this.draw();
  }

  update(job: api.Job): void {
    const before = this.job;
    this.job = job;
    if (before.state === job.state && before.seconds === job.seconds) this.bar.value = job.progress;
    else this.draw();
  }

  setSize(size: number): void {
    this.size = size;
    this.drawFacts();
  }

  private draw(): void {
    const { id, name, state, progress, error, notes } = this.job;
    this.element.dataset["state"] = state;
    this.title.replaceChildren(state === "done" ? h("a", { href: `#/song/${id}` }, name) : name);
    this.drawFacts();
    this.words.textContent = state === "failed" ? error : notes.join(" ");
    this.words.hidden = !this.words.textContent;
    this.bar.hidden = state !== "running";
    this.bar.value = progress;
    const open = h("a", { class: "button", href: `#/song/${id}`, "aria-label": `Open ${name}` }, icon("play"), h("span", { class: "label" }, "Open"));
    const stop = this.button("Cancel", "cross", () => api.cancel(id));
    const bin = this.button("Delete", "bin", () => this.remove());
    const hadFocus = this.actions.contains(document.activeElement);
    this.actions.replaceChildren(...(state === "done" ? [open] : OPEN.includes(state) ? [stop] : []), ...(OPEN.includes(state) ? [] : [bin]));
    if (hadFocus) (this.actions.firstElementChild as HTMLElement | null)?.focus();
  }

  private drawFacts(): void {
    const { model, state, seconds, stems, format } = this.job;
    const facts = [modelName(model)];
    if (seconds) facts.push(clock(seconds));
    if (stems.length) facts.push(`${stems.length} stems, ${format}`);
    if (this.size) facts.push(bytes(this.size));
    const words = { queued: "waits", running: "separating", done: "", failed: "failed", cancelled: "cancelled", deleted: "" }[state];
    this.facts.replaceChildren(...facts.map((fact) => h("span", {}, fact)), ...(words ? [h("b", {}, words)] : []));
  }

  private button(text: string, picture: "cross" | "bin", action: () => Promise<unknown>): HTMLButtonElement {
    const button = h("button", { type: "button", class: "quiet", "aria-label": `${text} ${this.job.name}`, title: text, onclick: () => {
      button.disabled = true;
      action().catch((error: Error) => {
        this.words.textContent = error.message;
        this.words.hidden = false;
      }).finally(() => (button.disabled = false));
    } }, icon(picture));
    return button;
  }

  /** Asks, and deletes. */
  private async remove(): Promise<void> {
    const { id, name } = this.job;
    const form = h("form", { method: "dialog" }, h("p", {}, `Delete “${name}” and its stems?`), h("div", { class: "actions" }, h("button", { value: "" , class: "button" }, "Keep"), h("button", { value: "yes", class: "button danger" }, "Delete")));
    const dialog = h("dialog", { "aria-label": "Delete a song" }, form);
    document.body.append(dialog);
    dialog.showModal();
    const close = (): void => dialog.close();
    addEventListener("hashchange", close); // the browser's button "back"
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    removeEventListener("hashchange", close);
    dialog.remove();
    if (dialog.returnValue !== "yes") return;
    const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
    await api.remove(id);
    forget(id);
    this.gone();
    (next?.querySelector<HTMLElement>("a, button") ?? document.querySelector<HTMLElement>("main h1"))?.focus();
  }
}
