import * as api from "../api";
import { choice, h } from "../dom";
import { bytes, modelName } from "../format";
import type { View } from "../view";
import { dropZone } from "./drop";
import { SongRow } from "./row";

/** The songs that there are, how far those at work are, and a place for new ones. */
export async function openSongs(): Promise<View> {
  const view = new Songs(...(await Promise.all([api.models(), api.jobs()])));
  return { element: view.element, title: "Songs", leave: () => view.leave() };
}

class Songs {
  readonly element: HTMLElement;
  private readonly rows = new Map<string, SongRow>();
  private readonly list = h("ul", { class: "songs" });
  private readonly empty = h("p", { class: "empty" }, "Songs that you separate stay here until you delete them.");
  private readonly filter = choice("Model", [], () => this.show());
  private readonly disk = h("p", { class: "disk" });
  private readonly news = h("p", { class: "unseen", role: "status" });
  private readonly offline = h("p", { class: "notice", role: "alert", hidden: true }, "The server does not answer; the page goes on when it is back.");
  private readonly stop: () => void;
  private sizes: Readonly<Record<string, number>> = {};
  private free: number | null = null; // until it is known
  private timer = 0;

  constructor(models: readonly string[], jobs: readonly api.Job[]) {
    const drop = dropZone(models, (job) => this.take(job));
    const head = h("div", { class: "list-head" }, h("h2", {}, "Library"), this.filter.field, this.disk);
    this.element = h("div", { class: "page" }, h("h1", { class: "unseen" }, "Songs"), drop, this.offline, head, this.list, this.empty, this.news);
    for (const job of jobs) this.take(job);
    this.stop = api.watch((job) => this.take(job), (is) => void this.connected(is).catch(() => undefined));
    this.show();
  }

  leave(): void {
    this.stop();
    clearTimeout(this.timer);
  }

  private take(job: api.Job): void {
    if (job.state === "deleted") return this.forget(job.id);
    const known = this.rows.get(job.id);
    if (known) {
      const before = known.job.state;
      known.update(job);
      if (before === job.state) return; // it is only further on
      if (job.state === "done") this.news.textContent = `${job.name} is separated.`;
      if (job.state === "failed") this.news.textContent = `${job.name} could not be separated.`;
    } else {
      const row = new SongRow(job, () => this.forget(job.id));
      this.rows.set(job.id, row);
      this.list.prepend(row.element);
    }
    this.measureSoon();
  }

  private forget(id: string): void {
    this.rows.get(id)?.element.remove();
    this.rows.delete(id);
    this.measureSoon();
  }

  /** Songs that were deleted elsewhere while there was no connection are gone. */
  private async connected(is: boolean): Promise<void> {
    this.offline.hidden = is;
    if (!is) return;
    const there = new Set((await api.jobs()).map(({ id }) => id));
    for (const id of [...this.rows.keys()]) if (!there.has(id)) this.forget(id);
    this.measureSoon();
  }

  /** Asks for sizes once for many changes, as a connection begins with all songs. */
  private measureSoon(): void {
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      this.show();
      void this.measure().catch(() => undefined); // without a connection, the sentence about it stands there
    }, 50);
  }

  private async measure(): Promise<void> {
    const { sizes, free } = await api.space();
    this.sizes = sizes;
    this.free = free;
    for (const [id, row] of this.rows) row.setSize(sizes[id] ?? 0);
    this.show();
  }

  /** Shows the songs of the model that is chosen, and the room that they take. */
  private show(): void {
    const all = [...this.rows.values()].map(({ job }) => job);
    const chosen = this.offer(all);
    let [count, size] = [0, 0];
    for (const { job, element } of this.rows.values()) {
      element.hidden = chosen !== "" && job.model !== chosen;
      if (element.hidden) continue;
      count += 1;
      size += this.sizes[job.id] ?? 0;
    }
    this.empty.hidden = all.length > 0;
    this.filter.field.hidden = new Set(all.map(({ model }) => model)).size < 2;
    const room = this.free === null ? "" : `, ${bytes(size)}; ${bytes(this.free)} are free`;
    this.disk.textContent = count ? `${count} ${count === 1 ? "song" : "songs"}${room}` : "";
  }

  /** Keeps the list of models that songs were separated by; returns the one that is chosen. */
  private offer(all: readonly api.Job[]): string {
    const { select } = this.filter;
    const models = [...new Set(all.map(({ model }) => model))].sort();
    const options = [["", "All models"], ...models.map((model) => [model, modelName(model)])] as [string, string][];
    if (options.length !== select.options.length) {
      const { value } = select;
      select.replaceChildren(...options.map(([key, text]) => h("option", { value: key }, text)));
      select.value = models.includes(value) ? value : "";
    }
    return select.value;
  }
}
