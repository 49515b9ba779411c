/** A part of the page that fills it; only one is open at a time. */
export interface View {
  readonly element: HTMLElement;
  readonly title: string;
  /** Takes a key that nothing in the view took; returns whether it meant something. */
  key?(event: KeyboardEvent): boolean;
  /** Ends whatever the view started: sounds, connections, timers. */
  leave(): void;
}

/** Opens a view; what stands in the address after its name, parted by slashes, are its arguments. */
export type Open = (...arguments_: string[]) => View | Promise<View>;
