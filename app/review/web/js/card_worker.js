/** Looks for a graphics card beside the page: without one, WebGL may take seconds to start. */
import { mostOnCard } from "./card.js";

postMessage(mostOnCard(new OffscreenCanvas(1, 1)));
