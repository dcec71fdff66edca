/** Plays what moves in a file: the animation that a video gave. */
import { type AnimationAction, AnimationMixer, LoopRepeat } from "three";
import { byId } from "./dom.ts";
import type { Head } from "./head.ts";

export class Player {
  private readonly moved: () => void;
  private readonly button = byId("play", HTMLButtonElement);
  private readonly slider = byId("time", HTMLInputElement);
  private mixer: AnimationMixer | null = null;
  private action: AnimationAction | null = null;
  private seconds = 0;
  private frame = 0;

  /** @param moved Is called after each step. */
  constructor(moved: () => void) {
    this.moved = moved;
    this.button.addEventListener("click", () => this.toggle());
    this.slider.addEventListener("input", () => {
      this.pause();
      this.seek(Number(this.slider.value) * this.seconds);
    });
  }

  /** Take the first animation of a file, if it has one. */
  show(head: Head): void {
    this.pause();
    const clip = head.gltf.animations[0];
    byId("player").hidden = clip === undefined;
    this.mixer = this.action = null;
    if (clip === undefined) return;
    this.mixer = new AnimationMixer(head.scene);
    this.action = this.mixer.clipAction(clip).setLoop(LoopRepeat, Infinity).play();
    this.seconds = clip.duration;
    this.seek(0);
  }

  toggle(): void {
    if (this.action === null) return;
    if (this.frame !== 0) return this.pause();
    this.say(true);
    let before = performance.now();
    const step = (now: number): void => {
      this.mixer?.update((now - before) / 1000);
      before = now;
      this.tell();
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  pause(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.say(false);
  }

  private seek(time: number): void {
    // At the very end the animation would begin anew.
    this.mixer?.setTime(Math.min(time, this.seconds - 1e-4));
    this.tell();
  }

  private say(playing: boolean): void {
    this.button.textContent = playing ? "Pause" : "Play";
    this.button.setAttribute("aria-pressed", String(playing));
  }

  private tell(): void {
    const time = this.action?.time ?? 0;
    this.slider.value = String(this.seconds > 0 ? time / this.seconds : 0);
    const text = `${time.toFixed(1)} of ${this.seconds.toFixed(1)} s`;
    byId("clock").textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.moved();
  }
}
