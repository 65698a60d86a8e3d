import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// `npm run dev` serves the page with hot reload and passes everything else on to a running server.
const server = process.env.BASTIDE_URL ?? 'http://127.0.0.1:8722'

/** Writes a packed copy beside every file of text: the program sends it without packing it itself. */
function packed() {
  let folder = ''
  return {
    name: 'packed',
    apply: 'build' as const,
    configResolved(config: { build: { outDir: string } }) {
      folder = config.build.outDir
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue
        const path = join(entry.parentPath, entry.name)
        await writeFile(`${path}.gz`, await promisify(gzip)(await readFile(path), { level: 9 }))
      }
    },
  }
}

export default defineConfig({
  plugins: [react(), packed()],
  build: {
    target: 'es2023',
    sourcemap: false,
    // Small icons inside the style sheet would need `data:` in more places of the page's policy.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/api': { target: server, ws: true },
      '/login': server,
      '/logout': server,
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
})
