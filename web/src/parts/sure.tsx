import { Button } from 'antd'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from './dialog.tsx'
import { ProblemNotice } from './notice.tsx'
import { useAction } from './use-load.ts'

/** Asks before something is taken away for good. A refusal is shown, and the question stays. */
export function Sure({
  title,
  yes,
  act,
  close,
  children,
}: {
  title: string
  /** What the button says that does it. */
  yes: string
  act: () => Promise<unknown>
  close: () => void
  children: ReactNode
}) {
  const { t } = useTranslation()
  const { busy, problem, run } = useAction()
  return (
    <Dialog title={title} close={close}>
      {children}
      <ProblemNotice problem={problem} />
      <div className="dialog-actions">
        <Button onClick={close}>{t('form.cancel')}</Button>
        <Button
          danger
          type="primary"
          loading={busy}
          onClick={() =>
            run(async () => {
              await act()
              close()
            })
          }
        >
          {yes}
        </Button>
      </div>
    </Dialog>
  )
}
