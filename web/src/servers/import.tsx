import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type ImportFormat, type ImportReport, importServers } from '../api/servers.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Choice } from '../parts/field.tsx'
import { ImportText, LookThenApply } from '../parts/import-form.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import { guessFormat } from './formats.ts'
import { Report } from './report.tsx'

/** First what would happen, then it happens. */
export function ImportDialog({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const [format, setFormat] = useState<ImportFormat>('ssh_config')
  const [text, setText] = useState('')
  const [report, setReport] = useState<ImportReport | null>(null)
  const { busy, problem, run, clear } = useAction()
  const take = (now: string, name = '') => {
    setText(now)
    setFormat((before) => guessFormat(now, name) ?? before)
    setReport(null)
    clear()
  }
  const send = (dryRun: boolean) => run(async () => setReport(await importServers(format, text, dryRun)))
  const done = report && !report.dry_run
  const count = report ? report.created.length + report.changed.length : 0
  return (
    <Dialog title={t('servers.import')} close={close} wide>
      <div className="form">
        {!done && (
          <>
            <p className="soft">{t('servers.import.lead')}</p>
            <ImportText
              text={text}
              take={take}
              beside={
                <Choice
                  label={t('servers.import.format')}
                  options={{
                    ssh_config: t('servers.format.ssh_config'),
                    csv: t('servers.format.csv'),
                    ansible: t('servers.format.ansible'),
                  }}
                  value={format}
                  choose={(one) => {
                    setFormat(one)
                    setReport(null)
                  }}
                />
              }
            />
          </>
        )}
        <ProblemNotice problem={problem} />
        {report && <Report report={report} />}
        <div className="dialog-actions">
          <Button onClick={close}>{done ? t('form.done') : t('form.cancel')}</Button>
          {!done && (
            <LookThenApply
              busy={busy}
              disabled={!text.trim()}
              apply={count > 0 ? t('servers.import.apply', { count }) : null}
              send={send}
            />
          )}
        </div>
      </div>
    </Dialog>
  )
}
