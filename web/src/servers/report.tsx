import { useTranslation } from 'react-i18next'
import type { ImportReport } from '../api/servers.ts'
import { Notice } from '../parts/notice.tsx'

/** More lines than these nobody reads here. */
const SHOWN = 100

/** What an import would do, or has done. */
export function Report({
  report,
  what = 'servers',
}: {
  report: ImportReport
  what?: 'servers' | 'hosts' | 'rules'
}) {
  const { t } = useTranslation()
  const { created, changed, skipped, unchanged, dry_run } = report
  const counts = { created: created.length, changed: changed.length, skipped: skipped.length }
  const lead = dry_run ? 'would' : 'did'
  const words = {
    servers: () => t(`servers.import.${lead}`, counts),
    hosts: () => t(`hosts.import.${lead}`, counts),
    rules: () => t(`rules.import.${lead}`, counts),
  }
  return (
    <section aria-label={t('servers.import.report')} className="import-report">
      <Notice tone={dry_run ? 'wait' : 'good'}>
        {words[what]()}
        {unchanged > 0 && ` ${t('servers.import.unchanged', { count: unchanged })}`}
      </Notice>
      <ul>
        {created.slice(0, SHOWN).map((one) => (
          <li key={`+ ${one}`} className="made">
            + {one}
          </li>
        ))}
        {changed.slice(0, SHOWN).map((one) => (
          <li key={`~ ${one}`}>~ {one}</li>
        ))}
        {skipped.slice(0, SHOWN).map((one, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line may be told of twice, and the list never changes
          <li key={index} className="soft">
            − {one.line > 0 && t('servers.import.line', { line: one.line })} {one.name} {one.why}
          </li>
        ))}
      </ul>
    </section>
  )
}
