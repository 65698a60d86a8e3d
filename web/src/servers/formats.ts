import type { ImportFormat } from '../api/servers.ts'

/** What a text looks like, by its file's name first; null when it could be anything. */
export function guessFormat(text: string, name = ''): ImportFormat | null {
  const file = name.toLowerCase()
  if (file.endsWith('.csv')) return 'csv'
  if (/(^|[/\\])(config|ssh_config)$|\.conf$/.test(file)) return 'ssh_config'
  if (/\.(ya?ml|ini)$|(^|[/\\])(hosts|inventory)$/.test(file)) return 'ansible'
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'))
  const [first = ''] = lines
  if (lines.some((line) => /^(host|match)[\s=]+\S/i.test(line))) return 'ssh_config'
  if (lines.some((line) => /^\[[^\]]+\]$/.test(line) || /\bansible_\w+\s*[=:]/.test(line))) return 'ansible'
  if (/^(---|all:|ungrouped:)/.test(first) || lines.some((line) => /^hosts:$/.test(line))) return 'ansible'
  if (/^[^\s,]+(,[^,]*)+$/.test(first) && /\b(name|host|address)\b/i.test(first)) return 'csv'
  return null
}
