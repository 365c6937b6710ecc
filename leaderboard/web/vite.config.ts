import { defineConfig } from "vite";

// One entry; every island is a dynamic import, so a page loads only what it mounts.
// Flask serves the folder as /static/dist and reads the manifest (leaderboard/assets.py).
export default defineConfig({
  base: "./",
  build: {
    outDir: "../static/dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    modulePreload: { polyfill: false },
    rolldownOptions: { input: "src/main.ts" },
  },
});
