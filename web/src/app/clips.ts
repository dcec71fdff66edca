/** Frames of a clip, taken by the browser: the server knows photos only. */
import { frameOf } from "./camera.ts";

const FRAMES = 8;

/** Frames of a clip, evenly spread over it. */
export async function framesOf(clip: File): Promise<File[]> {
  const video = document.createElement("video");
  video.muted = true;
  video.src = URL.createObjectURL(clip);
  try {
    await happens(video, "loadeddata");
    const frames: File[] = [];
    for (let number = 0; number < FRAMES; number++) {
      const seeked = happens(video, "seeked");
      video.currentTime = (video.duration * (number + 0.5)) / FRAMES;
      await seeked;
      frames.push(await frameOf(video, `${clip.name} ${number + 1}.jpg`));
    }
    return frames;
  } finally {
    URL.revokeObjectURL(video.src);
  }
}

function happens(video: HTMLVideoElement, name: "loadeddata" | "seeked"): Promise<void> {
  return new Promise((resolve, reject) => {
    video.addEventListener(name, () => resolve(), { once: true });
    video.addEventListener("error", () => reject(new Error("this browser cannot read the clip")), { once: true });
  });
}
